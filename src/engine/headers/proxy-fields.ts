import { quote } from '../../base/messages.js'
import { Recent } from '../../base/recent.js'
import { TOKEN } from '../../base/token.js'
import { ProxyError } from '../../model/errors.js'

/**
 * What happens to a request header that servers may mistake for one of the proxy's own, such as `X_Forwarded_For`.
 * `drop` leaves the header out, `refuse` answers 400, `keep` passes it on. docs/http.md has the details.
 */
export type UnderscoreHeaders = 'drop' | 'refuse' | 'keep'

/** Names of headers that concern one connection, not the message (RFC 9110, 7.6.1), and of headers that undici writes itself. */
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

/**
 * What a header means to this proxy. Each kind is a bit, so that
 * one bit mask says which headers the proxy removes from a request.
 */
export type FieldKind = number

/** The kind of a header that has no special meaning for the proxy. */
export const ORDINARY: FieldKind = 0
/** A header that frames a message or records its route through proxies, and that the proxy passes on, such as `Via`. */
const GOES_ON: FieldKind = 1
/** A header that concerns one connection, or that undici writes, such as `Connection`. The proxy never passes it on. */
const NEVER_GOES_ON: FieldKind = 2
/** A header that this proxy itself writes into each request for a server, such as `X-Forwarded-For`. */
const WRITTEN_ANEW: FieldKind = 4
/**
 * A header in which proxies describe the route of a request, such
 * as `Forwarded`. The proxy believes it only from trusted peers.
 */
const TOLD_BY_PROXIES: FieldKind = 8
/** A header whose name is not valid (RFC 9110, 5.1). A lenient HTTP parser accepts `Content-Length :` as a name. */
const NO_NAME: FieldKind = 256

/** Returns the kind of a twin: a header such as `X_Forwarded_For`, which servers may mistake for a header of the given kind. */
const twinOf = (kind: FieldKind): FieldKind => kind << 4

const ALL_TWINS = twinOf(GOES_ON | NEVER_GOES_ON | WRITTEN_ANEW | TOLD_BY_PROXIES)

/**
 * Maps each header that frames a message or that this proxy writes
 * to its kind. `byPrefix` adds all other `x-forwarded-*` headers.
 */
const FIELDS: ReadonlyMap<string, FieldKind> = new Map([
  ...[...HOP_BY_HOP].map((name) => [name, NEVER_GOES_ON] as const),
  // `Expect` is not passed on: Node has already answered `Expect:
  // 100-continue`, and undici cannot send it. `Host` is written separately.
  ...(['expect', 'host'] as const).map((name) => [name, NEVER_GOES_ON] as const),
  ...(['content-length', 'max-forwards', 'via'] as const).map((name) => [name, GOES_ON] as const),
  ...(
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'] as const
  ).map((name) => [name, WRITTEN_ANEW] as const),
  ...(['forwarded', 'x-replaced-path'] as const).map((name) => [name, TOLD_BY_PROXIES] as const),
])

/**
 * Matches a header name with a character, other than the dash, that
 * some servers or gateways write as `_`. Also matches an empty name.
 */
const FOLDED = /[^a-z0-9-]|^$/
/**
 * Returns a header name with a dash for each character that is not a letter or digit. Names with
 * equal results may look equal to a server. CGI writes dashes as `_` (RFC 3875, 4.1.18), and PHP also
 * writes dots as `_`. lighttpd and Apache 2.2 write everything as `_` that is not a letter or digit.
 *
 * @param lower the header name in lower case
 */
export function foldName(lower: string): string {
  return lower.replace(/[^a-z0-9]/g, '-')
}

/**
 * Maximum number of characters in a header name whose kind is cached. No longer
 * name is in `FIELDS`, and a client could fill the memory with long names.
 */
const MAX_REMEMBERED = 64
const remembered = new Recent<FieldKind>(500)

/**
 * Returns the kind of a header, for example that the proxy never passes it on. The kind of each name is cached.
 *
 * @param name the header name, in upper or lower case
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
 * Returns a bit mask with the kinds of headers that rules do not see: headers that only a trusted proxy may
 * send, and twins. A twin is a header such as `X_Forwarded_For`, which servers may mistake for another.
 *
 * @param trusted whether the proxy believes the peer's forwarding headers
 * @param twins what happens to twins. With `keep`, some twins are still hidden:
 *   those of headers that the proxy writes, or that an untrusted peer may not send
 */
export function hiddenFromRules(trusted: boolean, twins: UnderscoreHeaders): FieldKind {
  const forged = trusted ? ORDINARY : WRITTEN_ANEW | TOLD_BY_PROXIES
  return forged | (twins === 'keep' ? twinOf(forged | WRITTEN_ANEW) : ALL_TWINS)
}

/**
 * Returns a bit mask with the kinds of the client's headers that a
 * server does not get. Takes the parameters of `hiddenFromRules`.
 */
export function notForwarded(trusted: boolean, twins: UnderscoreHeaders): FieldKind {
  return NEVER_GOES_ON | WRITTEN_ANEW | hiddenFromRules(trusted, twins)
}

/**
 * Throws if the name of a request header is not valid. With `twins`, also
 * throws if a server may mistake the name for that of another header.
 *
 * @param raw header names and values in turn
 * @param twins whether to throw for a name such as `X_Forwarded_For`, which servers may read as `X-Forwarded-For`
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
