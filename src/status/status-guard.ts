import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'

/** What a browser must not do with a page or an answer of ours. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Those that say nothing but how the process does, to whoever decides whether it gets requests. */
const OPEN = new Set(['/ping', '/ready'])

/** As the system writes it. */
const LOOPBACK = /^(::ffff:)?127\.|^::1$/i

/** What is wrong with a request before it is looked at. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Sets the headers that every answer has. */
export function setSafeHeaders(res: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value)
}

/** Decides who may ask. */
export class StatusGuard {
  readonly #token: Buffer | undefined
  readonly #checksHost: boolean

  /** @param listensOn the address of its own listener; on loopback a page of another site could have its own name lead there */
  constructor(token: string | undefined, listensOn?: string) {
    this.#token = token === undefined ? undefined : digest(token)
    this.#checksHost = token === undefined && listensOn !== undefined && LOOPBACK.test(listensOn)
  }

  /** @param path without the query */
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
        message: 'expected localhost or an address as Host; set status.token to be reached by another name',
      }
    // The page itself holds nothing; what it shows is asked for with the token.
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

/** Of one length, so that comparing them tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isLocal(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) !== 0
}
