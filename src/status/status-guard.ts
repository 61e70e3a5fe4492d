import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'

/** Response headers that restrict what a browser may do with the pages and answers of the status server. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Paths that need no token. Health checks request these paths, and the answers show only whether the process is ready. */
const OPEN = new Set(['/ping', '/ready'])

/** Matches a loopback IP address as the operating system writes it, such as `127.0.0.1` or `::1`. */
const LOOPBACK = /^(::ffff:)?127\.|^::1$/i

/** The answer to a request that the status server refuses before it looks at any data: HTTP status, error code and message. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Sets the security headers that every answer of the status server has. */
export function setSafeHeaders(res: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value)
}

/** Returns whether an IP address is a loopback address. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address)
}

/** Decides which requests the status server answers, by the method, the `Host` header and the token of a request. */
export class StatusGuard {
  readonly #token: Buffer | undefined
  readonly #checksHost: boolean
  readonly #isOnEntryPoint: boolean

  /**
   * Creates a guard for one token and one listener.
   *
   * @param listensOn the IP address that the status server listens on, if it has its own listener. If that is a loopback address
   *   and no token is set, the guard checks the `Host` header. The domain name of another site could resolve to 127.0.0.1 (DNS
   *   rebinding). `entry point` stands for an entry point that serves frontends too. If no token is set, the guard admits a
   *   request there only on a connection to a loopback address, and checks `Host`. Only `/ping` is open to all.
   */
  constructor(token: string | undefined, listensOn?: string) {
    this.#token = token === undefined ? undefined : digest(token)
    this.#isOnEntryPoint = listensOn === 'entry point'
    const isLocalOnly = this.#isOnEntryPoint || (listensOn !== undefined && isLoopback(listensOn))
    this.#checksHost = token === undefined && isLocalOnly
  }

  /** Returns why a request is refused, or undefined if it is admitted. @param path the path of the URL without the query */
  refusalOf(req: IncomingMessage, path: string): Refusal | undefined {
    if (req.method !== 'GET' && req.method !== 'HEAD')
      return {
        status: 405,
        code: 'METHOD_REFUSED',
        message: 'expected GET or HEAD: nothing can be changed here',
      }
    if (this.#isOnEntryPoint && OPEN.has(path)) return undefined
    if (this.#isOnEntryPoint && this.#token === undefined && !isLoopback(req.socket.localAddress ?? ''))
      return {
        status: 403,
        code: 'TOKEN_REQUIRED',
        message:
          'expected a connection to a loopback address; set status.token to admit clients of other machines',
      }
    if (this.#checksHost && !isLocal(req.headers.host))
      return {
        status: 421,
        code: 'HOST_REFUSED',
        message: 'expected localhost or an IP address in Host; set status.token to allow other names',
      }
    // If no token is set or the path needs none, admit the request. The dashboard's own files contain no data, and their scripts
    // fetch the data with the token.
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

/** Hashes a token. All hashes have the same length, so that a comparison of two hashes takes the same time for each token. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isLocal(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0
}
