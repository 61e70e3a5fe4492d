import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'

/** Headers that restrict what a browser may do with the status server's pages and answers. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Paths that need no token. They only show whether the process is ready, and health checks use them. */
const OPEN = new Set(['/ping', '/ready'])

/** Matches a loopback address as the operating system writes it. */
const LOOPBACK = /^(::ffff:)?127\.|^::1$/i

/** The reason why a request is refused before its route is looked up. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Sets the security headers that every answer has. */
export function setSafeHeaders(res: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value)
}

/** Decides which requests the status server answers. */
export class StatusGuard {
  readonly #token: Buffer | undefined
  readonly #checksHost: boolean

  /**
   * @param listensOn the address of the status server's own listener. On loopback without a token, the guard checks `Host`,
   *   because another site's domain name could resolve to 127.0.0.1 (DNS rebinding).
   */
  constructor(token: string | undefined, listensOn?: string) {
    this.#token = token === undefined ? undefined : digest(token)
    this.#checksHost = token === undefined && listensOn !== undefined && LOOPBACK.test(listensOn)
  }

  /** Returns the reason to refuse a request, or undefined. @param path the path without the query */
  refusalOf(req: IncomingMessage, path: string): Refusal | undefined {
    if (req.method !== 'GET' && req.method !== 'HEAD')
      return {
        status: 405,
        code: 'METHOD_REFUSED',
        message: 'expected GET or HEAD: nothing can be changed here',
      }
    if (this.#checksHost && !isLocal(req.headers.host))
      return {
        status: 421,
        code: 'HOST_REFUSED',
        message: 'expected localhost or an IP address in Host; set status.token to allow other names',
      }
    // The dashboard's own files contain no data. Their scripts fetch the data with the token.
    if (this.#token === undefined || OPEN.has(path) || path.startsWith('/dashboard') || path === '/')
      return undefined
    const [, given] = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '') ?? []
    if (given !== undefined && timingSafeEqual(digest(given), this.#token)) return undefined
    return {
      status: 401,
      code: 'TOKEN_REQUIRED',
      message: 'expected Authorization: Bearer with the token of status.token',
    }
  }
}

/** Hashes a token. All hashes have the same length, so that the comparison takes the same time for each token. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isLocal(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0
}
