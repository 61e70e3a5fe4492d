/**
 * Matches a word of a text. Credentials are searched word by word. One expression for whole URLs would start again at each `://`,
 * and be slow on a long text.
 */
const WORD = /[^\s"`]+/g

/** Matches a URL scheme, such as `https`, at the end of a text. */
const SCHEME = /(?<![a-z\d])[a-z][a-z\d+.-]{0,20}$/i

/** Matches password hashes in the formats that `htpasswd` writes. */
const HASH = /\$(?:apr1|2[abxy]|[156])\$[./\w$]+/g

/**
 * Masks the credentials in a text that people will see. The user and the password of each URL, and each password hash, become
 * `***`.
 */
export function maskCredentials(text: string): string {
  const plain = text.includes('@') ? text.replace(WORD, maskWord) : text
  return plain.replace(HASH, '***')
}

/**
 * Masks the user and password in a word such as `https://user:password@host`. A password may contain an `@`, so the password ends
 * at the last `@` of the word.
 */
function maskWord(word: string): string {
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

/** Masks the user and password of a URL. An `@` in the path or query of the URL is left alone. */
export function maskUrl(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//***@')
}

/**
 * Masks a text that should be a URL but is not a valid one. Everything before its last `@` is masked, except a URL scheme at the
 * start. A malformed text may hold a password anywhere: with spaces, with slashes, or without a scheme.
 */
export function maskMalformedUrl(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:\/\/)?[\s\S]*@/i, '$1***@')
}
