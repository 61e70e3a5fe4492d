import { maskCredentials } from '../base/credentials.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { secretsOf } from '../rules/secret-values.js'

/**
 * Returns the rule of a frontend without secrets. If the rule expects a value of a header or query key that carries credentials,
 * `***` replaces the value.
 */
export function maskedRule(frontend: CompiledFrontend): string {
  return withoutValues(maskCredentials(frontend.rule), secretsOf(frontend.tree))
}

/**
 * Masks the secrets in a text. If the rule of a frontend expects a value of a header or query key that carries credentials, `***`
 * replaces the value.
 */
export function maskedText(text: string, frontends: Iterable<CompiledFrontend>): string {
  const secrets = new Set<string>()
  for (const frontend of frontends) for (const secret of secretsOf(frontend.tree)) secrets.add(secret)
  return withoutValues(maskCredentials(text), [...secrets])
}

/**
 * Replaces secrets in a text by `***`. Each secret is found in its plain form, and with the escapes that it has inside a JSON
 * string.
 */
export function withoutValues(text: string, secrets: readonly string[]): string {
  let rest = text
  // Replace the longest secret first, because a secret may contain a shorter one.
  for (const secret of secrets.toSorted((a, b) => b.length - a.length)) {
    if (secret === '') continue
    for (const form of [JSON.stringify(secret).slice(1, -1), secret]) rest = rest.replaceAll(form, '***')
  }
  return rest
}
