import type { IncomingMessage, Server } from 'node:http'
import { quote } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import { versionRefusal } from './client/http2-request.js'
import { hasBody } from './client/request-body.js'
import { namedByConnection } from './headers/forward-headers.js'
import { checkLenient, hasEnded, isLenient, warnIfLenient } from './headers/lenient-parser.js'
import { checkNames, type UnderscoreHeaders } from './headers/proxy-fields.js'

/** Methods that are never forwarded. CONNECT opens a tunnel to anywhere, and TRACE echoes what only proxies should see. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE'])

/** Settings of the proxy that requests are checked against. */
export interface RequestChecks {
  /** This proxy's name in `Via`. A request that holds it has come through this proxy before. */
  readonly id: string
  /** What happens to headers whose names servers may read as those of the proxy's own headers. */
  readonly underscoreHeaders: UnderscoreHeaders
}

/**
 * Refuses a request that node:http accepts but that two parsers on
 * the way may read differently. No server should have to refuse it.
 *
 * @throws ProxyError `PROXY_BAD_REQUEST`, `PROXY_VERSION_UNSUPPORTED`,
 *   `PROXY_CODING_UNSUPPORTED`, `PROXY_METHOD_REFUSED`, `PROXY_LOOP`
 */
export function checkRequest(req: IncomingMessage, { id, underscoreHeaders }: RequestChecks): void {
  const { socket } = req
  if (hasEnded(socket)) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request came after one that ends its connection')
  }
  checkHead(req)
  if (isLenient((socket as { server?: Server }).server)) refuseLeniency(req)
  if (underscoreHeaders === 'refuse') checkNames(req.rawHeaders, true)
  const { via } = req.headers
  if (via?.includes(id))
    throw new ProxyError('PROXY_LOOP', `the request has come through this proxy before: its Via holds ${id}`)
}

function checkHead(req: IncomingMessage): void {
  const { method, httpVersion } = req
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw versionRefusal(req)
  }
  if (hidesHeaders(req)) {
    throw new ProxyError(
      'PROXY_BAD_REQUEST',
      'the request has more headers than maxHeadersCount of the server, so that Node hides some of them',
    )
  }
  const { 'transfer-encoding': coding, 'content-length': length, upgrade } = req.headers
  checkHosts(req.rawHeaders, httpVersion)
  // JavaScript cannot hold a larger length exactly, so it would not be the length that the client wrote (RFC 9110, 8.6).
  if (length !== undefined && !Number.isSafeInteger(Number(length))) {
    throw new ProxyError(
      'PROXY_BAD_REQUEST',
      `the Content-Length ${quote(length)} is too large; expected less than 2^53`,
    )
  }
  if (coding !== undefined) checkCoding(coding, httpVersion, length)
  if (REFUSED_METHODS.has(method as string)) {
    throw new ProxyError('PROXY_METHOD_REFUSED', `the method ${method} is never forwarded`)
  }
  if (upgrade !== undefined) checkUpgrade(req, upgrade)
}

function refuseLeniency(req: IncomingMessage): void {
  const { server } = req.socket as { server?: Server }
  if (server) warnIfLenient(server)
  checkLenient(req)
}

/**
 * Refuses a WebSocket upgrade by another method than GET (RFC 6455, 4.1). A server that sees no WebSocket
 * in it would read the bytes of the tunnel as requests, which the proxy has not checked. HTTP/1.0 has no
 * upgrades. A request with a body is not an upgrade either, and is served as a plain request.
 */
function checkUpgrade(req: IncomingMessage, upgrade: string): void {
  const { method, httpVersion, headers } = req
  if (method === 'GET' || httpVersion === '1.0' || upgrade.toLowerCase() !== 'websocket') return
  if (hasBody(req) || !namedByConnection(headers.connection)?.has('upgrade')) return
  throw new ProxyError('PROXY_BAD_REQUEST', `the request asks for a WebSocket by ${method}; expected GET`)
}

/**
 * Refuses a request with two hosts or none. Node shows the first of two, and a server may take the last
 * (RFC 9112, 3.2). Node itself lets a request without a host through if the host's server says so.
 */
function checkHosts(raw: readonly string[], httpVersion: string): void {
  const hosts = countHosts(raw)
  if (hosts > 1)
    throw new ProxyError('PROXY_BAD_REQUEST', `the request has ${hosts} Host headers; expected one`)
  if (hosts === 0 && httpVersion === '1.1')
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request has no Host header')
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
 * Refuses transfer codings that a server may read differently. HTTP/1.0 has no codings, so its framing is faulty
 * (RFC 9112, 6.1). With a `Content-Length` as well, two parsers may see two bodies (6.3). With another coding than
 * chunked, a server sees another body. Blanks are not trimmed, because those that Node leaves are part of the value.
 */
function checkCoding(coding: string, httpVersion: string, length: string | undefined): void {
  if (httpVersion === '1.0') {
    throw new ProxyError(
      'PROXY_BAD_REQUEST',
      'the request has Transfer-Encoding, which HTTP/1.0 does not know',
    )
  }
  if (length !== undefined) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request has both Transfer-Encoding and Content-Length')
  }
  if (coding.toLowerCase() === 'chunked') return
  throw new ProxyError(
    'PROXY_CODING_UNSUPPORTED',
    `the request has Transfer-Encoding ${quote(coding)}; expected chunked alone`,
  )
}

/**
 * Returns whether a request has more headers than Node shows. Node silently leaves out those beyond `maxHeadersCount`,
 * which is 1,000 unless the host's server says otherwise. A length, a hop or a connection option there would not be seen.
 */
export function hidesHeaders(req: IncomingMessage): boolean {
  const count = (req.socket as { server?: Server }).server?.maxHeadersCount ?? 1_000
  return count !== 0 && req.rawHeaders.length >= 2 * count
}

/**
 * Returns whether a request is for this proxy itself. `OPTIONS *` asks about the server as a whole, also as a
 * URL without a path (RFC 9112, 3.2.4). OPTIONS with `Max-Forwards: 0` may go no further (RFC 9110, 7.6.2).
 */
export function isForUs(req: IncomingMessage): boolean {
  if (req.method !== 'OPTIONS') return false
  const { url = '' } = req
  return url === '*' || /^https?:\/\/[^/?]*$/i.test(url) || /^0+$/.test(String(req.headers['max-forwards']))
}
