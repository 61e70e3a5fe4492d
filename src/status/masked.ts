import { maskCredentials } from '../base/credentials.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { secretsOf } from '../rules/secret-values.js'

/** The rule of a frontend, without what it expects of headers that say who asks. */
export function maskedRule(frontend: CompiledFrontend): string {
  return withoutValues(maskCredentials(frontend.rule), secretsOf(frontend.tree))
}

/** A text without what some frontends' rules expect of headers that say who asks. */
export function maskedText(text: string, frontends: Iterable<CompiledFrontend>): string {
  const secrets = new Set<string>()
  for (const frontend of frontends) for (const secret of secretsOf(frontend.tree)) secrets.add(secret)
  return withoutValues(maskCredentials(text), [...secrets])
}

/** A text without some values, each as it is or as it stands between quotes. */
export function withoutValues(text: string, secrets: readonly string[]): string {
  let rest = text
  // The longest first: one may be a part of another.
  for (const secret of secrets.toSorted((a, b) => b.length - a.length)) {
    if (secret === '') continue
    // As it stands between quotes, where it has to.
    for (const form of [JSON.stringify(secret).slice(1, -1), secret]) rest = rest.replaceAll(form, '***')
  }
  return rest
}
