/** Credentials in a URL: `https://user:password@host`. */
const IN_URL = /(\b[a-z][a-z\d+.-]*:\/\/)[^\s/@"'`]+@/gi
/** What a rule expects of a header that says who asks. Both forms of text. */
const IN_RULE =
  /(\bHeaders?(?:Regexp)?(?:\(`|:)[^`,;)]{0,200}(?:authorization|cookie|token|secret|password|key)[^`,;)]{0,200}(?:`, *`|, *))[^`;)]*/gi
/** Hashes of passwords, as `htpasswd` writes them. */
const HASH = /\$(?:apr1|2[abxy]|[156])\$[./\w$]+/g

/** A text without the secrets that it may show: what is masked is `***`. */
export function masked(text: string): string {
  return text.replace(IN_URL, '$1***@').replace(IN_RULE, '$1***').replace(HASH, '***')
}
