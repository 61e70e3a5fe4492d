import { quote } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'
import type { ClientSide } from './client/client-side.js'
import { namedByConnection } from './headers/forward-headers.js'
import { checkNames, type UnderscoreHeaders } from './headers/proxy-fields.js'
import type { RequestHead } from './headers/request-head.js'

/**
 * Methods that the proxy never forwards. CONNECT would open a tunnel to any address. TRACE would echo headers that only proxies
 * should see.
 */
const REFUSED_METHODS = new Set(['CONNECT', 'TRACE'])

/** The settings of the proxy that `checkRequest` uses. */
export interface RequestChecks {
  /**
   * The name that this proxy writes into the `Via` header. A request with this name in `Via` has already passed through this
   * proxy.
   */
  readonly id: string
  /**
   * What happens to a request header with a look-alike name, such as `X_Forwarded_For`, which a server may read as
   * `X-Forwarded-For`.
   */
  readonly underscoreHeaders: UnderscoreHeaders
}

/**
 * Refuses a request that the client's HTTP parser accepts, but that a server's parser may understand differently.
 *
 * @throws ProxyError `PROXY_BAD_REQUEST`, `PROXY_VERSION_UNSUPPORTED`,
 *   `PROXY_CODING_UNSUPPORTED`, `PROXY_METHOD_REFUSED`, `PROXY_LOOP`
 */
export function checkRequest(client: ClientSide, { id, underscoreHeaders }: RequestChecks): void {
  client.checkParsed()
  checkHead(client)
  if (underscoreHeaders === 'refuse') checkNames(client.rawHeaders, true)
  const { via } = client.headers
  if (via?.includes(id))
    throw new ProxyError('PROXY_LOOP', `the request has come through this proxy before: its Via holds ${id}`)
}

function checkHead(client: ClientSide): void {
  const { method, httpVersion } = client
  const { 'transfer-encoding': coding, 'content-length': length, upgrade } = client.headers
  checkHosts(client.rawHeaders, httpVersion)
  // Refuse a `Content-Length` of 2^53 or more. JavaScript cannot hold such a number exactly, so the proxy would use another
  // length than the client wrote (RFC 9110, 8.6).
  if (length !== undefined && !Number.isSafeInteger(Number(length))) {
    throw new ProxyError(
      'PROXY_BAD_REQUEST',
      `the Content-Length ${quote(length)} is too large; expected less than 2^53`,
    )
  }
  if (coding !== undefined) checkCoding(coding, httpVersion, length)
  if (REFUSED_METHODS.has(method)) {
    throw new ProxyError('PROXY_METHOD_REFUSED', `the method ${method} is never forwarded`)
  }
  if (upgrade !== undefined) checkUpgrade(client, upgrade)
}

/**
 * Refuses a WebSocket upgrade that does not use GET (RFC 6455, 4.1). A server that does not recognise the upgrade would read the
 * tunnel's bytes as further requests, which the proxy has not checked. HTTP/1.0 requests and requests with a body pass this
 * check, because the proxy serves them as plain requests without an upgrade.
 */
function checkUpgrade(client: ClientSide, upgrade: string): void {
  const { method, httpVersion, headers, hasBody } = client
  if (method === 'GET' || httpVersion === '1.0' || upgrade.toLowerCase() !== 'websocket') return
  if (hasBody || !namedByConnection(headers.connection)?.has('upgrade')) return
  throw new ProxyError('PROXY_BAD_REQUEST', `the request asks for a WebSocket by ${method}; expected GET`)
}

/**
 * Refuses a request with two `Host` headers. Node uses the first of them, but a server may use the last (RFC 9112, 3.2). Also
 * refuses an HTTP/1.1 request without `Host`, which Node accepts if the `http.Server` has `requireHostHeader: false`.
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
 * Refuses any `Transfer-Encoding` other than `chunked` alone, because a server may read another body. HTTP/1.0 does not define
 * the header (RFC 9112, 6.1). With a `Content-Length` too, two parsers may see two different bodies (6.3). The value is not
 * trimmed: a blank that Node has left in it makes it a different value.
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
 * Returns whether this proxy must answer a request itself instead of forwarding it. `OPTIONS *` asks about the server as a whole,
 * and so does an OPTIONS URL without a path (RFC 9112, 3.2.4). OPTIONS with `Max-Forwards: 0` must not be forwarded (RFC 9110,
 * 7.6.2).
 */
export function isForUs({ method, target, headers }: RequestHead): boolean {
  if (method !== 'OPTIONS') return false
  return target === '*' || /^https?:\/\/[^/?]*$/i.test(target) || /^0+$/.test(String(headers['max-forwards']))
}
