import { Recent } from '../../base/recent.js'
import { TOKEN } from '../../base/token.js'
import { ProxyError } from '../../model/errors.js'

/** What becomes of names that look like a proxy's own to servers: see docs/http.md. */
export type UnderscoreHeaders = 'drop' | 'refuse' | 'keep'

/** Fields that mean one connection, not the message (RFC 9110, 7.6.1), and those that undici writes itself. */
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

/** What a field name means to this proxy. Bits, so that one mask says which fields a request loses. */
export type FieldKind = number

/** A field that is the client's alone. */
export const ORDINARY: FieldKind = 0
/** Frames the message, or tells of the way, and goes on as it came. */
const GOES_ON: FieldKind = 1
/** Means one connection, or is written by undici. */
const NEVER_GOES_ON: FieldKind = 2
/** Written anew by this proxy in each request. */
const WRITTEN_ANEW: FieldKind = 4
/** Tells of proxies on the way: believed from trusted ones alone. */
const TOLD_BY_PROXIES: FieldKind = 8
/** No field name at all (RFC 9110, 5.1). A lenient parser lets `Content-Length :` through so. */
const NO_NAME: FieldKind = 256

/** The kind of what looks like a field of that kind to a server. */
const twinOf = (kind: FieldKind): FieldKind => kind << 4

const ALL_TWINS = twinOf(GOES_ON | NEVER_GOES_ON | WRITTEN_ANEW | TOLD_BY_PROXIES)

/** THE table: each field that frames a message or that this proxy writes. `x-forwarded-*` belongs to it as a whole. */
const FIELDS: ReadonlyMap<string, FieldKind> = new Map([
  ...[...HOP_BY_HOP].map((name) => [name, NEVER_GOES_ON] as const),
  // Node has answered `Expect: 100-continue` already, and undici cannot send it; `Host` is written apart.
  ...(['expect', 'host'] as const).map((name) => [name, NEVER_GOES_ON] as const),
  ...(['content-length', 'max-forwards', 'via'] as const).map((name) => [name, GOES_ON] as const),
  ...(
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'] as const
  ).map((name) => [name, WRITTEN_ANEW] as const),
  ...(['forwarded', 'x-replaced-path'] as const).map((name) => [name, TOLD_BY_PROXIES] as const),
])

/** Characters of a name that some server or gateway writes as `_`, beside the dash itself. */
const FOLDED = /[^a-z0-9-]|^$/
/**
 * The name that servers may understand: RFC 3875 (4.1.18) writes dashes as `_`, PHP dots too, lighttpd and Apache 2.2
 * everything that is no letter and no digit.
 *
 * @param lower in lower case
 */
export function foldName(lower: string): string {
  return lower.replace(/[^a-z0-9]/g, '-')
}

/** Longer names are in no table, and would make the memory below a client's. */
const MAX_REMEMBERED = 64
const remembered = new Recent<FieldKind>(500)

/** What a field means. A name is read once; later ones cost one look-up. @param name in any case */
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
 * The kinds of fields that rules do not see: what pretends to be written by a proxy that is trusted, and twins.
 *
 * @param trusted whether the peer's forwarding headers are believed
 * @param twins whether twins go on; never those of what a stranger may not say, or of what is written anew
 */
export function hiddenFromRules(trusted: boolean, twins: UnderscoreHeaders): FieldKind {
  const forged = trusted ? ORDINARY : WRITTEN_ANEW | TOLD_BY_PROXIES
  return forged | (twins === 'keep' ? twinOf(forged | WRITTEN_ANEW) : ALL_TWINS)
}

/** The kinds of fields that a server does not get from the client. Takes what `hiddenFromRules` takes. */
export function notForwarded(trusted: boolean, twins: UnderscoreHeaders): FieldKind {
  return NEVER_GOES_ON | WRITTEN_ANEW | hiddenFromRules(trusted, twins)
}

/**
 * Refuses a request for the names of its fields.
 *
 * @param raw names and values in turn
 * @param twins whether what only looks like a field of the table is refused too
 * @throws ProxyError `PROXY_BAD_REQUEST`
 */
export function checkNames(raw: readonly string[], twins: boolean): void {
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    const kind = kindOfField(name)
    if (kind === NO_NAME) {
      throw new ProxyError('PROXY_BAD_REQUEST', `${JSON.stringify(name)} is no name of a header`)
    }
    if (twins && kind & ALL_TWINS) {
      throw new ProxyError(
        'PROXY_BAD_REQUEST',
        `servers may read the header ${name} as another one, which this proxy checks or writes (underscoreHeaders)`,
      )
    }
  }
}
