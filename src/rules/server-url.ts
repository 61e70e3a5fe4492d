/** What is wrong with a server's URL, to follow the URL in a message. */
export function flawOfServerUrl(text: string): string | undefined {
  // The URL parser drops blanks and line breaks silently; a server must be what was written.
  if (/[\s\\]|\p{Cc}/u.test(text)) return 'holds a blank, a control character or a backslash'
  if (!URL.canParse(text)) return 'is no URL; expected one like http://10.0.0.1:8080'
  const url = new URL(text)
  if (url.protocol === 'h2c:')
    return 'asks for HTTP/2 without TLS, which is not supported; expected http or https'
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `has the scheme ${url.protocol} expected http or https`
  if (url.username !== '' || url.password !== '') return 'carries credentials, which do not belong in a URL'
  if (!/^https?:\/\/[^/]/i.test(text)) return 'has not exactly two slashes behind its scheme'
  if (text.includes('#')) return 'carries a fragment, which no server ever sees'
  if (text.includes('?')) return 'carries a query; only a path can be prepended'
  return undefined
}

/** Without all that might be a password: any text up to the last `@`, for a flawed URL may hide one anywhere. */
export function hideUserinfo(url: string): string {
  return url.replace(/^([a-z][a-z\d+.-]*:\/\/)?[\s\S]*@/i, '$1***@')
}
