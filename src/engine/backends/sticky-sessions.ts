import { createHash, createHmac } from 'node:crypto'
import { cookieOf } from '../../balancing/balance-by-hash.js'
import { describeValue } from '../../base/messages.js'
import type { Stickiness } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { RequestFacts } from '../../model/request-facts.js'
import type { LiveServer } from './live-server.js'

/** The name of the sticky cookie if the configuration has Traefik's older field `sticky`. Traefik uses the same name. */
export const OLD_STICKY_COOKIE = '_TRAEFIK_BACKEND'

/**
 * Keeps a client on the server that answered it first, by a cookie. The cookie's value is made only of the names of the backend
 * and the server, so it reveals no address. With a secret, the value is an HMAC. Without a secret, it is a digest, by which a
 * client can check a guess of the names. Source: Traefik 1.7 `loadBalancer.stickiness`.
 */
export class StickySessions {
  readonly #name: string
  readonly #attributes: string
  // Servers by cookie value. The map looks up a whole value, so the time of a lookup does not reveal how much of a guess is
  // right.
  readonly #servers = new Map<string, LiveServer>()
  /**
   * Servers by older cookie values, which are accepted too: made with an earlier secret, without a secret, or with the server's
   * URL.
   */
  readonly #earlier = new Map<string, LiveServer>()
  readonly #values = new Map<LiveServer, string>()

  /**
   * Computes the cookie values of the servers.
   *
   * @param secrets the first one makes the values of new cookies; cookies of all of them are accepted
   */
  constructor(
    backend: string,
    servers: readonly LiveServer[],
    stickiness: Stickiness,
    secrets: readonly string[] = [],
  ) {
    const { cookieName = `_${digest(backend).slice(0, 5)}`, secure, httpOnly, sameSite } = stickiness
    this.#name = cookieName
    const flags = [secure && 'Secure', httpOnly && 'HttpOnly', sameSite && `SameSite=${SAME_SITE[sameSite]}`]
    this.#attributes = ['Path=/', ...flags.filter((flag) => flag)].join('; ')
    const plainNames = plainNamesOf(servers)
    servers.forEach((server, index) => {
      const plain = digest(`${backend}\n${plainNames[index]}`)
      const keyed = secrets.map((secret) => hmac(secret, `${backend}\n${server.name}`))
      const [value = plain, ...rest] = keyed
      this.#servers.set(value, server)
      this.#values.set(server, value)
      // Older cookie values are accepted too. The last of them is no longer given out: with it, a client could check a guess of
      // the server's URL.
      for (const earlier of [...rest, plain, digest(`${backend}\n${server.name}\n${server.url}`)])
        this.#earlier.set(earlier, server)
    })
  }

  /** Returns the server that the request's sticky cookie stands for, or undefined. */
  serverOf({ headers }: RequestFacts): LiveServer | undefined {
    const cookies = headers['cookie']
    return cookies === undefined ? undefined : this.#named(cookieOf(cookies, this.#name))
  }

  /**
   * Returns the `Set-Cookie` value that keeps a client on the server that answered it. Returns undefined if the client's cookie
   * already stands for that server. Also returns undefined if the cookie stands for another server that is in rotation: that
   * server was only busy. A cookie of an older form is replaced.
   */
  cookieFor(server: LiveServer, { headers }: RequestFacts): string | undefined {
    const value = cookieOf(headers['cookie'] ?? '', this.#name)
    if (this.#servers.get(value) === server) return undefined
    const wanted = this.#named(value)
    if (wanted !== server && wanted?.state.isAvailable) return undefined
    return `${this.#name}=${this.#values.get(server)}; ${this.#attributes}`
  }

  #named(value: string): LiveServer | undefined {
    return this.#servers.get(value) ?? this.#earlier.get(value)
  }
}

const SAME_SITE = { none: 'None', lax: 'Lax', strict: 'Strict' } as const

/**
 * Returns the server names from which cookie values without a secret are made. With `strictDns`, a server's name contains an IP
 * address, as in `one@10.0.0.7`. A client could find that address by trying all of them. So the address is replaced by its
 * position among the sorted addresses, as in `one@0`.
 */
function plainNamesOf(servers: readonly LiveServer[]): readonly string[] {
  const counts = new Map<string, number>()
  return servers.map(({ name, address }) => {
    if (address === undefined) return name
    const given = name.slice(0, -address.length - 1)
    const position = counts.get(given) ?? 0
    counts.set(given, position + 1)
    return `${given}@${position}`
  })
}

/** The length of the shortest secret that is allowed, in bytes. Shorter secrets can be guessed by trying all of them. */
const MIN_SECRET_BYTES = 16

/** Checks the option `stickySecret`. @throws ProxyError `PROXY_OPTION_INVALID`, whose message shows no part of a secret */
export function checkStickySecret(value: unknown): void {
  const secrets: readonly unknown[] = Array.isArray(value) ? value : [value]
  const flaws = secrets.map(flawOfSecret)
  const index = flaws.findIndex((flaw) => flaw !== undefined)
  const flaw = secrets.length === 0 ? 'an empty list' : flaws[index]
  if (flaw === undefined) return
  const expected = `expected a text of ${MIN_SECRET_BYTES} bytes or more, or a list of such texts`
  const where = Array.isArray(value) && index >= 0 ? ` at [${index}]` : ''
  const hint = value === undefined ? '; leave it out for cookies without a secret' : ''
  throw new ProxyError('PROXY_OPTION_INVALID', `stickySecret: ${expected}; found ${flaw}${where}${hint}`)
}

function flawOfSecret(secret: unknown): string | undefined {
  if (secret instanceof Uint8Array) return 'bytes; write them as a text, as with toString("base64")'
  if (typeof secret !== 'string') return describeValue(secret)
  const bytes = Buffer.byteLength(secret)
  return bytes < MIN_SECRET_BYTES ? `one of ${bytes} bytes` : undefined
}

/** Returns a 64-bit digest of a text. That is long enough for no two servers to have the same cookie value. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Returns a 128-bit HMAC of a text, which is too long to guess (RFC 2104, 5). */
function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex').slice(0, 32)
}
