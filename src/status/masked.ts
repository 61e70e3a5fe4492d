import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { secretsOf } from '../rules/secret-values.js'

/** A word with credentials in it, perhaps. One search for all: an expression begins anew at each `://` of a long text. */
const WORD = /[^\s"`]+/g
/** A scheme that ends a text, if one does. */
const SCHEME = /(?<![a-z\d])[a-z][a-z\d+.-]{0,20}$/i
/** Hashes of passwords, as `htpasswd` writes them. */
const HASH = /\$(?:apr1|2[abxy]|[156])\$[./\w$]+/g

/** A text without the credentials that it may show: what is masked is `***`. */
export function masked(text: string): string {
  const plain = text.includes('@') ? text.replace(WORD, withoutCredentials) : text
  return plain.replace(HASH, '***')
}

/** Credentials in a URL, `https://user:password@host`; a password may hold an @ of its own. */
function withoutCredentials(word: string): string {
  const end = word.lastIndexOf('@')
  for (
    let start = word.indexOf('://');
    start >= 0 && start + 3 < end;
    start = word.indexOf('://', start + 3)
  ) {
    if (SCHEME.test(word.slice(Math.max(0, start - 22), start)))
      return `${word.slice(0, start + 3)}***${word.slice(end)}`
  }
  return word
}

/** Returns the rule of a frontend. The values that it expects of credential headers are replaced by `***`. */
export function maskedRule(frontend: CompiledFrontend): string {
  return withoutValues(masked(frontend.rule), secretsOf(frontend.tree))
}

/** Masks a text. The values that the frontends' rules expect of credential headers are replaced by `***`. */
export function maskedText(text: string, frontends: Iterable<CompiledFrontend>): string {
  const secrets = new Set<string>()
  for (const frontend of frontends) for (const secret of secretsOf(frontend.tree)) secrets.add(secret)
  return withoutValues(masked(text), [...secrets])
}

/** Replaces secrets in a text by `***`. Each secret is found as it is and as it looks between quotes. */
export function withoutValues(text: string, secrets: readonly string[]): string {
  let rest = text
  // Replace the longest secret first, because a secret may contain a shorter one.
  for (const secret of secrets.toSorted((a, b) => b.length - a.length)) {
    if (secret === '') continue
    for (const form of [JSON.stringify(secret).slice(1, -1), secret]) rest = rest.replaceAll(form, '***')
  }
  return rest
}
