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

/** The rule of a frontend, without what it expects of headers that say who asks. */
export function maskedRule(frontend: CompiledFrontend): string {
  return withoutValues(masked(frontend.rule), secretsOf(frontend.tree))
}

/** A text without what some frontends' rules expect of headers that say who asks. */
export function maskedText(text: string, frontends: Iterable<CompiledFrontend>): string {
  const secrets = new Set<string>()
  for (const frontend of frontends) for (const secret of secretsOf(frontend.tree)) secrets.add(secret)
  return withoutValues(masked(text), [...secrets])
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
