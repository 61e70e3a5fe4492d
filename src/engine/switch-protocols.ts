import type { Duplex } from 'node:stream'
import { ProxyError } from '../model/errors.js'
import type { Exchange } from './exchange.js'
import { fieldOf } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'

/**
 * Connects a client to a server that has accepted its upgrade request, so that bytes flow in both directions.
 *
 * @param fields header fields of the server's 101 response
 * @param cookie the value of a `Set-Cookie` header for the client, if there is one
 */
export function switchProtocols(
  exchange: Exchange,
  fields: RawFields,
  server: Duplex,
  cookie?: string,
): void {
  const { client, clientLeft, owner } = exchange
  const { upgradeProtocol: protocol } = client
  server.on('error', ignore)
  // Keep the connection open for writing after the server has ended its side. The client may still send.
  server.allowHalfOpen = true
  if (protocol === undefined || clientLeft) {
    server.destroy()
    return
  }
  if (fieldOf(fields, 'upgrade')?.toLowerCase() !== protocol) {
    // The server has switched to another protocol than the client asked for (RFC 9110, 7.8). The client would not understand the
    // server, so close the server's connection.
    server.destroy()
    const message = `the server switched to another protocol; expected ${protocol}`
    owner.retryOrRespond(exchange, new ProxyError('PROXY_BAD_RESPONSE', message))
    return
  }
  exchange.becameTunnel(server)
  const keepAliveMs = exchange.server?.upstream.tcpKeepAliveMs
  client.tunnelTo(server, fields, cookie, keepAliveMs, () => exchange.settle())
}

function ignore(): void {}
