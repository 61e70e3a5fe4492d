import { createHash, createHmac } from 'node:crypto'
import { cookieOf } from '../../balancing/balance-by-hash.js'
import { describeValue } from '../../base/messages.js'
import type { Stickiness } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { RequestFacts } from '../../model/request-facts.js'
import type { LiveServer } from './live-server.js'

/** The name that Traefik gives where the old `sticky` asks for a cookie. */
export const OLD_STICKY_COOKIE = '_TRAEFIK_BACKEND'

/**
 * Keeps a client on the server that answered it first, by a cookie. Its value is made of the names of backend and server alone:
 * an HMAC where there is a secret, else a digest, which tells who guesses them right what the names are, and no address.
 * Source: Traefik 1.7 `loadBalancer.stickiness`.
 */
export class StickySessions {
  readonly #name: string
  readonly #attributes: string
  // A value is looked up as a whole, so how long that takes says nothing of how much of a guess is right.
  readonly #servers = new Map<string, LiveServer>()
  /** By values that are given no longer: of earlier secrets, of no secret, and of the form that named URLs. */
  readonly #earlier = new Map<string, LiveServer>()
  readonly #values = new Map<LiveServer, string>()

  /** @param secrets the first makes new cookies, all are honoured */
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
    servers.forEach((server, place) => {
      const plain = digest(`${backend}\n${plainNames[place]}`)
      const keyed = secrets.map((secret) => hmac(secret, `${backend}\n${server.name}`))
      const [value = plain, ...rest] = keyed
      this.#servers.set(value, server)
      this.#values.set(server, value)
      // The last is of the form that named the URL too, and so told it to a client that guessed it.
      for (const earlier of [...rest, plain, digest(`${backend}\n${server.name}\n${server.url}`)])
        this.#earlier.set(earlier, server)
    })
  }

  /** The server that a request's cookie names, if there is one. */
  serverOf({ headers }: RequestFacts): LiveServer | undefined {
    const cookies = headers['cookie']
    return cookies === undefined ? undefined : this.#named(cookieOf(cookies, this.#name))
  }

  /**
   * `Set-Cookie` for a client that is to stay with the server that answered it; none where its cookie says so, or names one
   * that is only busy. One whose cookie says so in a form of before gets it in the form of now.
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
 * Names for values that anybody can make. With `strictDns` a server is one address of a name (`one@10.0.0.7`), and its value
 * would tell the address to who tries them all: there it is the place among the addresses of that name, which are sorted.
 */
function plainNamesOf(servers: readonly LiveServer[]): readonly string[] {
  const counts = new Map<string, number>()
  return servers.map(({ name, address }) => {
    if (address === undefined) return name
    const given = name.slice(0, -address.length - 1)
    const place = counts.get(given) ?? 0
    counts.set(given, place + 1)
    return `${given}@${place}`
  })
}

/** Shorter ones can be tried out. */
const MIN_SECRET_BYTES = 16

/** @throws ProxyError `PROXY_OPTION_INVALID` that shows nothing of a secret */
export function checkStickySecret(value: unknown): void {
  const secrets: readonly unknown[] = Array.isArray(value) ? value : [value]
  const flaws = secrets.map(flawOfSecret)
  const place = flaws.findIndex((flaw) => flaw !== undefined)
  const flaw = secrets.length === 0 ? 'an empty list' : flaws[place]
  if (flaw === undefined) return
  const expected = `expected a text of ${MIN_SECRET_BYTES} bytes or more, or a list of such texts`
  const where = Array.isArray(value) && place >= 0 ? ` at [${place}]` : ''
  const hint = value === undefined ? '; leave it out for cookies without a secret' : ''
  throw new ProxyError('PROXY_OPTION_INVALID', `stickySecret: ${expected}; found ${flaw}${where}${hint}`)
}

function flawOfSecret(secret: unknown): string | undefined {
  if (secret instanceof Uint8Array) return 'bytes; write them as a text, as with toString("base64")'
  if (typeof secret !== 'string') return describeValue(secret)
  const bytes = Buffer.byteLength(secret)
  return bytes < MIN_SECRET_BYTES ? `one of ${bytes} bytes` : undefined
}

/** 64 bits: enough that no two servers share a value. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** 128 bits: enough that nobody guesses one (RFC 2104, 5). */
function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex').slice(0, 32)
}
