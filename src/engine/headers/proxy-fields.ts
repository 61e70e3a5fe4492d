import { quote } from '../../base/messages.js'
import { Recent } from '../../base/recent.js'
import { TOKEN } from '../../base/token.js'
import { ProxyError } from '../../model/errors.js'

/**
 * What happens to a request header that servers may read as one of the proxy's own: `drop`
 * leaves it out, `refuse` answers 400, `keep` passes it on. docs/http.md has the details.
 */
export type UnderscoreHeaders = 'drop' | 'refuse' | 'keep'

/** Fields that concern one connection, not the message (RFC 9110, 7.6.1), and fields that undici writes itself. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** What a field name means to this proxy. Each kind is a bit, so that one mask says which fields a request loses. */
export type FieldKind = number

/** A field that has no meaning for the proxy. */
export const ORDINARY: FieldKind = 0
/** A field that frames the message or describes its way, and is passed on as it came. */
const GOES_ON: FieldKind = 1
/** A field that concerns one connection, or that undici writes. It is never passed on. */
const NEVER_GOES_ON: FieldKind = 2
/** A field that this proxy writes anew in each request. */
const WRITTEN_ANEW: FieldKind = 4
/** A field in which proxies describe a request's way. It is believed only from trusted proxies. */
const TOLD_BY_PROXIES: FieldKind = 8
/** A field name that is not valid (RFC 9110, 5.1). A lenient parser accepts `Content-Length :` as a name. */
const NO_NAME: FieldKind = 256

/** Returns the kind of a twin: a field that servers may read as one of the given kind. */
const twinOf = (kind: FieldKind): FieldKind => kind << 4

const ALL_TWINS = twinOf(GOES_ON | NEVER_GOES_ON | WRITTEN_ANEW | TOLD_BY_PROXIES)

/** The one table of all fields that frame a message or that this proxy writes. All `x-forwarded-*` belong to it. */
const FIELDS: ReadonlyMap<string, FieldKind> = new Map([
  ...[...HOP_BY_HOP].map((name) => [name, NEVER_GOES_ON] as const),
  // Node has answered `Expect: 100-continue` already, and undici cannot send it. `Host` is written separately.
  ...(['expect', 'host'] as const).map((name) => [name, NEVER_GOES_ON] as const),
  ...(['content-length', 'max-forwards', 'via'] as const).map((name) => [name, GOES_ON] as const),
  ...(
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'] as const
  ).map((name) => [name, WRITTEN_ANEW] as const),
  ...(['forwarded', 'x-replaced-path'] as const).map((name) => [name, TOLD_BY_PROXIES] as const),
])

/** Matches a character other than the dash that some servers or gateways write as `_`. Also matches an empty name. */
const FOLDED = /[^a-z0-9-]|^$/
/**
 * Returns the name that servers may read. RFC 3875 (4.1.18) writes dashes as `_`, and PHP writes
 * dots so too. lighttpd and Apache 2.2 do it for everything that is not a letter or digit.
 *
 * @param lower the name in lower case
 */
export function foldName(lower: string): string {
  return lower.replace(/[^a-z0-9]/g, '-')
}

/** Maximum length of a name that is remembered. Longer names are in no table, and a client could fill the memory with them. */
const MAX_REMEMBERED = 64
const remembered = new Recent<FieldKind>(500)

/**
 * Returns the kind of a field. Each name is classified once, and looked up afterwards.
 *
 * @param name in any case
 */
export function kindOfField(name: string): FieldKind {
  return name.length > MAX_REMEMBERED ? classify(name) : remembered.get(name, classify)
}

function classify(name: string): FieldKind {
  const lower = name.toLowerCase()
  const kind = FIELDS.get(lower)
  if (kind !== undefined) return kind
  if (!FOLDED.test(lower)) return byPrefix(lower)
  if (!TOKEN.test(lower)) return NO_NAME
  const folded = foldName(lower)
  return twinOf(FIELDS.get(folded) ?? byPrefix(folded))
}

function byPrefix(name: string): FieldKind {
  return name.startsWith('x-forwarded-') ? TOLD_BY_PROXIES : ORDINARY
}

/**
 * Returns the kinds of fields that rules do not see: twins, and fields that only a trusted proxy may send.
 *
 * @param trusted whether the peer's forwarding headers are believed
 * @param twins what happens to twins. With `keep`, twins of fields that an
 *   untrusted peer may not send, or that are written anew, are still hidden
 */
export function hiddenFromRules(trusted: boolean, twins: UnderscoreHeaders): FieldKind {
  const forged = trusted ? ORDINARY : WRITTEN_ANEW | TOLD_BY_PROXIES
  return forged | (twins === 'keep' ? twinOf(forged | WRITTEN_ANEW) : ALL_TWINS)
}

/** Returns the kinds of the client's fields that a server does not get. Takes the parameters of `hiddenFromRules`. */
export function notForwarded(trusted: boolean, twins: UnderscoreHeaders): FieldKind {
  return NEVER_GOES_ON | WRITTEN_ANEW | hiddenFromRules(trusted, twins)
}

/**
 * Refuses a request for the names of its fields.
 *
 * @param raw names and values in turn
 * @param twins whether a name is refused too if servers may read it as a field of the table
 * @throws ProxyError `PROXY_BAD_REQUEST`
 */
export function checkNames(raw: readonly string[], twins: boolean): void {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    const kind = kindOfField(name)
    if (kind === NO_NAME) {
      throw new ProxyError('PROXY_BAD_REQUEST', `${quote(name)} is not a valid name of a header`)
    }
    if (twins && kind & ALL_TWINS) {
      throw new ProxyError(
        'PROXY_BAD_REQUEST',
        `servers may read the header ${quote(name)} as another one, which this proxy checks or writes (option underscoreHeaders)`,
      )
    }
  }
}
