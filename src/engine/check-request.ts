import type { IncomingMessage, Server } from 'node:http'
import { ProxyError } from '../model/errors.js'

/** Methods that are never forwarded: a tunnel to anywhere, and an echo of what only proxies should see. */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE'])

/**
 * Refuses what node:http lets through and no server should have to be the one to refuse: whatever two parsers on the way
 * might understand differently ends here.
 *
 * @param id our own, by which a request that has come through here before is known
 * @throws ProxyError `PROXY_BAD_REQUEST`, `PROXY_CODING_UNSUPPORTED`, `PROXY_METHOD_REFUSED`, `PROXY_LOOP`
 */
export function checkRequest(req: IncomingMessage, id: string): void {
  if (req.httpVersion !== '1.1' && req.httpVersion !== '1.0') {
    throw new ProxyError('PROXY_BAD_REQUEST', `HTTP/${req.httpVersion} is not spoken here`)
  }
  if (hidesHeaders(req)) {
    throw new ProxyError('PROXY_BAD_REQUEST', 'the request has more headers than node shows')
  }
  const { 'transfer-encoding': coding, 'content-length': length, via } = req.headers
  // Node shows the first of several; a server may take the last (RFC 9112, 3.2).
  if (countHosts(req.rawHeaders) > 1) throw new ProxyError('PROXY_BAD_REQUEST', 'the request has two hosts')
  // Beyond this, a number is no longer the one that was written (RFC 9110, 8.6).
  if (length !== undefined && !Number.isSafeInteger(Number(length))) {
    throw new ProxyError('PROXY_BAD_REQUEST', `the Content-Length ${length} is too large`)
  }
  if (coding !== undefined) checkCoding(coding, req.httpVersion)
  if (REFUSED_METHODS.has(req.method as string)) {
    throw new ProxyError('PROXY_METHOD_REFUSED', `${req.method} is not forwarded`)
  }
  if (via?.includes(id)) throw new ProxyError('PROXY_LOOP', `the request has come through ${id} before`)
}

function countHosts(raw: readonly string[]): number {
  let hosts = 0
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts
}

/** HTTP/1.0 has no codings, so its framing is faulty (RFC 9112, 6.1); of others than chunked, a server sees another body. */
function checkCoding(coding: string, httpVersion: string): void {
  if (httpVersion === '1.0') {
    throw new ProxyError('PROXY_BAD_REQUEST', 'HTTP/1.0 with Transfer-Encoding')
  }
  if (coding.trim().toLowerCase() === 'chunked') return
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
