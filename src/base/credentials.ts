/** A word that may hold credentials. One search for all of them: an expression begins anew at each `://` of a long text. */
const WORD = /[^\s"`]+/g

/** The scheme at the end of a text. */
const SCHEME = /(?<![a-z\d])[a-z][a-z\d+.-]{0,20}$/i

/** Hashes of passwords as `htpasswd` writes them. */
const HASH = /\$(?:apr1|2[abxy]|[156])\$[./\w$]+/g

/**
 * Masks the credentials in a text for people: user and password of each URL in it, and hashes of passwords. Each becomes
 * `***`.
 */
export function maskCredentials(text: string): string {
  const plain = text.includes('@') ? text.replace(WORD, maskWord) : text
  return plain.replace(HASH, '***')
}

/** Masks `https://user:password@host`. A password may hold an `@`, so the last `@` of the word counts. */
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

/** Masks user and password of a text that is one URL. An `@` in its path or query stays. */
export function maskUrl(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//***@')
}

/**
 * Masks everything before the last `@` of a text that should be a URL and is not, but for its scheme. Such a text may
 * hold a password anywhere: with blanks, with slashes, without a scheme.
 */
export function maskMalformedUrl(text: string): string {
  return text.replace(/^([a-z][a-z\d+.-]*:\/\/)?[\s\S]*@/i, '$1***@')
}
