import { createHash } from 'node:crypto'
import type { Stickiness } from '../model/config.js'
import { cookieOf } from '../rules/balance-by-hash.js'
import type { LiveServer } from './live-server.js'
import type { LiveFacts } from './read-facts.js'

/** The name that Traefik gives where the old `sticky` asks for a cookie. */
export const OLD_STICKY_COOKIE = '_TRAEFIK_BACKEND'

/**
 * Keeps a client on the server that answered it first, by a cookie whose value is a digest: of a server's URL it tells nothing.
 * Source: Traefik 1.7 `loadBalancer.stickiness`.
 */
export class StickySessions {
  readonly #name: string
  readonly #attributes: string
  readonly #servers = new Map<string, LiveServer>()
  readonly #values = new Map<LiveServer, string>()

  constructor(backend: string, servers: readonly LiveServer[], stickiness: Stickiness) {
    const { cookieName = `_${digest(backend).slice(0, 5)}`, secure, httpOnly, sameSite } = stickiness
    this.#name = cookieName
    const flags = [secure && 'Secure', httpOnly && 'HttpOnly', sameSite && `SameSite=${SAME_SITE[sameSite]}`]
    this.#attributes = ['Path=/', ...flags.filter((flag) => flag)].join('; ')
    for (const server of servers) {
      const value = digest(`${backend}\n${server.name}\n${server.url}`)
      this.#servers.set(value, server)
      this.#values.set(server, value)
    }
  }

  /** The server that a request's cookie names, if there is one. */
  serverOf({ headers }: LiveFacts): LiveServer | undefined {
    const cookies = headers['cookie']
    if (cookies === undefined) return undefined
    return this.#servers.get(cookieOf(cookies, this.#name))
  }

  /** `Set-Cookie` for whoever is to stay with a server. */
  cookieFor(server: LiveServer): string {
    return `${this.#name}=${this.#values.get(server)}; ${this.#attributes}`
  }
}

const SAME_SITE = { none: 'None', lax: 'Lax', strict: 'Strict' } as const

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
