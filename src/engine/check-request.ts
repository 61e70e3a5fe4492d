import type { IncomingMessage, Server } from 'node:http'
import { ProxyError } from '../model/errors.js'
import { versionRefusal } from './client/http2-request.js'
import { hasBody } from './client/request-body.js'
import { namedByConnection } from './headers/forward-headers.js'
import { checkLenient, hasEnded, isLenient, warnIfLenient } from './headers/lenient-parser.js'
import { checkNames, type UnderscoreHeaders } from './headers/proxy-fields.js'

/** Methods that are never forwarded: a tunnel to anywhere, and an echo of what only proxies should see. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE'])

/** What requests are checked against. */
export interface RequestChecks {
  /** Our own name, by which a request that has come through here before is known. */
  readonly id: string
  readonly underscoreHeaders: UnderscoreHeaders
}

/**
 * Refuses what node:http lets through and no server should have to be the one to refuse: whatever two parsers on the way
 * might understand differently ends here.
 *
 * @throws ProxyError `PROXY_BAD_REQUEST`, `PROXY_VERSION_UNSUPPORTED`, `PROXY_CODING_UNSUPPORTED`, `PROXY_METHOD_REFUSED`,
 *   `PROXY_LOOP`
 */
export function checkRequest(req: IncomingMessage, { id, underscoreHeaders }: RequestChecks): void {
  const { socket } = req
  if (hasEnded(socket)) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request stands behind one that ends its connection')
  }
  checkHead(req)
  if (isLenient((socket as { server?: Server }).server)) refuseLeniency(req)
  if (underscoreHeaders === 'refuse') checkNames(req.rawHeaders, true)
  const { via } = req.headers
  if (via?.includes(id)) throw new ProxyError('PROXY_LOOP', `the request has come through ${id} before`)
}

function checkHead(req: IncomingMessage): void {
  const { method, httpVersion } = req
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw versionRefusal(req)
  }
  if (hidesHeaders(req)) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request has more headers than node shows')
  }
  const { 'transfer-encoding': coding, 'content-length': length, upgrade } = req.headers
  checkHosts(req.rawHeaders, httpVersion)
  // Beyond this, a number is no longer the one that was written (RFC 9110, 8.6).
  if (length !== undefined && !Number.isSafeInteger(Number(length))) {
    throw new ProxyError('PROXY_BAD_REQUEST', `the Content-Length ${length} is too large`)
  }
  if (coding !== undefined) checkCoding(coding, httpVersion, length)
  if (REFUSED_METHODS.has(method as string)) {
    throw new ProxyError('PROXY_METHOD_REFUSED', `${method} is not forwarded`)
  }
  if (upgrade !== undefined) checkUpgrade(req, upgrade)
}

function refuseLeniency(req: IncomingMessage): void {
  const { server } = req.socket as { server?: Server }
  if (server) warnIfLenient(server)
  checkLenient(req)
}

/**
 * A WebSocket begins with GET alone (RFC 6455, 4.1): behind a tunnel by another method, a server that sees no WebSocket
 * there would read what the client says next as requests that nobody has checked. HTTP/1.0 has no upgrades, and a request
 * with a body is served as the plain request that it is too.
 */
function checkUpgrade(req: IncomingMessage, upgrade: string): void {
  const { method, httpVersion, headers } = req
  if (method === 'GET' || httpVersion === '1.0' || upgrade.toLowerCase() !== 'websocket') return
  if (hasBody(req) || !namedByConnection(headers.connection)?.has('upgrade')) return
  throw new ProxyError('PROXY_BAD_REQUEST', `a WebSocket is asked for by ${method}; expected GET`)
}

/** Node shows the first of several; a server may take the last (RFC 9112, 3.2). A host's server may ask for none. */
function checkHosts(raw: readonly string[], httpVersion: string): void {
  const hosts = countHosts(raw)
  if (hosts > 1) throw new ProxyError('PROXY_BAD_REQUEST', 'the request has two hosts')
  if (hosts === 0 && httpVersion === '1.1')
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request has no Host')
}

function countHosts(raw: readonly string[]): number {
  let hosts = 0
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts
}

/**
 * HTTP/1.0 has no codings, so its framing is faulty (RFC 9112, 6.1); of others than chunked, a server sees another body.
 * Beside a length, two parsers may see two bodies (6.3). No blank is cut here: what Node leaves is part of the value.
 */
function checkCoding(coding: string, httpVersion: string, length: string | undefined): void {
  if (httpVersion === '1.0') {
    throw new ProxyError('PROXY_BAD_REQUEST', 'HTTP/1.0 with Transfer-Encoding')
  }
  if (length !== undefined) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request has both Transfer-Encoding and Content-Length')
  }
  if (coding.toLowerCase() === 'chunked') return
  throw new ProxyError(
    'PROXY_CODING_UNSUPPORTED',
    `Transfer-Encoding ${JSON.stringify(coding)}; expected chunked alone`,
  )
}

/**
 * Whether a request has more headers than Node shows. What is beyond `maxHeadersCount` (1,000, unless the host's server
 * says otherwise) is left out without a word: a length, a hop, a connection option there would not be seen.
 */
export function hidesHeaders(req: IncomingMessage): boolean {
  const count = (req.socket as { server?: Server }).server?.maxHeadersCount ?? 1_000
  return count !== 0 && req.rawHeaders.length >= 2 * count
}

/**
 * Whether a request is for this proxy itself: `OPTIONS *`, which asks about the server as a whole (also as a URL without a
 * path, RFC 9112, 3.2.4), and OPTIONS that may go no further (`Max-Forwards: 0`, RFC 9110, 7.6.2).
 */
export function isForUs(req: IncomingMessage): boolean {
  if (req.method !== 'OPTIONS') return false
  const { url = '' } = req
  return url === '*' || /^https?:\/\/[^/?]*$/i.test(url) || /^0+$/.test(String(req.headers['max-forwards']))
}
