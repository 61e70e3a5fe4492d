import { type RawFields, textOfField } from './raw-fields.js'

/**
 * Names of HTTP authentication schemes that authenticate the connection instead of each request, in
 * lower case. They are NTLM and Negotiate (RFC 4559, 6), Negotiate's other name `Nego2`, and
 * Kerberos and CredSSP as WinRM uses them ([MS-WSMV]). docs/authenticated-connections.md lists them.
 */
export const CONNECTION_SCHEMES: readonly string[] = ['ntlm', 'negotiate', 'nego2', 'kerberos', 'credssp']

// Matches one of these authentication schemes at the start of a header value or of a
// list element. The expression reads each blank once, so matching takes linear time.
const SCHEME = new RegExp(`(?:^|,)[ \\t]*(?:${CONNECTION_SCHEMES.join('|')})(?:$|[ \\t,])`, 'i')
const SCHEME_WITH_TOKEN = new RegExp(`(?:^|,)[ \\t]*(?:${CONNECTION_SCHEMES.join('|')})[ \\t]+[^ \\t,]`, 'i')

/**
 * Returns whether a request has a credential that authenticates the whole connection, such as an NTLM credential.
 *
 * @param fields header names and values in turn
 */
export function hasCredential(fields: RawFields): boolean {
  return has(fields, CREDENTIALS, SCHEME)
}

/**
 * Returns whether a response asks the client to authenticate the whole connection. Also tells whether the response has a
 * token, as in the middle of an NTLM handshake. The client's answer to such a token is worth nothing on another connection.
 *
 * @param fields header names and values in turn
 */
export function challengeOf(fields: RawFields): 'without a token' | 'with a token' | undefined {
  if (!has(fields, CHALLENGES, SCHEME)) return undefined
  return has(fields, CHALLENGES, SCHEME_WITH_TOKEN) ? 'with a token' : 'without a token'
}

const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'proxy-authorization'])
const CHALLENGES: ReadonlySet<string> = new Set(['www-authenticate', 'proxy-authenticate'])

function has(fields: RawFields, names: ReadonlySet<string>, pattern: RegExp): boolean {
  for (let index = 0; index < fields.length; index += 2) {
    const { length = 0 } = fields[index] ?? {}
    // Skips other names without decoding them, to save time. The
    // names that this function searches for have 13 to 19 characters.
    if (length < 13 || length > 19) continue
    const name = textOfField(fields[index])
    if (names.has(name.toLowerCase()) && pattern.test(textOfField(fields[index + 1]))) return true
  }
  return false
}
