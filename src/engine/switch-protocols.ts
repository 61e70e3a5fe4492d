import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { keepAlive } from '../base/tcp-keep-alive.js'
import { ProxyError } from '../model/errors.js'
import type { Exchange } from './exchange.js'
import { fieldOf } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import { switchingHead, tunnel } from './upgrade.js'

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
  const { upgrade, clientLeft, owner } = exchange
  server.on('error', ignore)
  // Keep the socket open for writing after the server has ended its side. The client may still send.
  server.allowHalfOpen = true
  if (!upgrade || clientLeft) {
    server.destroy()
    return
  }
  const { protocol, socket, takeEarly } = upgrade
  if (fieldOf(fields, 'upgrade')?.toLowerCase() !== protocol) {
    // The server has switched to another protocol than the client asked for (RFC 9110, 7.8). The client would not understand the
    // server, so close the server's connection.
    server.destroy()
    owner.retryOrRespond(
      exchange,
      new ProxyError('PROXY_BAD_RESPONSE', `the server switched to another protocol; expected ${protocol}`),
    )
    return
  }
  exchange.becameTunnel(server, socket)
  socket.write(switchingHead(protocol, fields, cookie), 'latin1')
  const early = takeEarly()
  if (early.length > 0) server.write(early)
  tunnel(socket, server, () => exchange.settle())
  // Turn on TCP keep-alive for the client's socket, because the application's `http.Server` may not have done so. The socket to
  // the server has had it since it was connected.
  if (socket instanceof Socket) keepAlive(socket, exchange.server?.upstream.tcpKeepAliveMs)
}

function ignore(): void {}
