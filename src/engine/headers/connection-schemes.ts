import type { RawFields } from './raw-fields.js'

/**
 * Schemes that authenticate the connection, not the request, in lower case: NTLM and Negotiate (RFC 4559, 6), Negotiate's other
 * name (`Nego2`), and Kerberos and CredSSP as WinRM speaks them ([MS-WSMV]). docs/authenticated-connections.md lists them.
 */
export const CONNECTION_SCHEMES: readonly string[] = ['ntlm', 'negotiate', 'nego2', 'kerberos', 'credssp']

// At the begin of a value or of an element of a list. Each blank is looked at once: it is linear.
const SCHEME = new RegExp(`(?:^|,)[ \\t]*(?:${CONNECTION_SCHEMES.join('|')})(?:$|[ \\t,])`, 'i')
const SCHEME_WITH_TOKEN = new RegExp(`(?:^|,)[ \\t]*(?:${CONNECTION_SCHEMES.join('|')})[ \\t]+[^ \\t,]`, 'i')

/** Whether a request's fields hold a credential that authenticates the connection. @param fields names and values in turn */
export function hasCredential(fields: RawFields): boolean {
  return has(fields, CREDENTIALS, SCHEME)
}

/**
 * Whether a response asks for such a credential, and whether it goes on with a handshake by a token of its own: the answer to
 * that is worth nothing on another connection.
 *
 * @param fields names and values in turn
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
    // No name in question is shorter or longer. Others are not made text of.
    if (length < 13 || length > 19) continue
    const name = text(fields[index])
    if (names.has(name.toLowerCase()) && pattern.test(text(fields[index + 1]))) return true
  }
  return false
}

function text(field: Buffer | string | undefined): string {
  return typeof field === 'string' ? field : (field?.toString('latin1') ?? '')
}
