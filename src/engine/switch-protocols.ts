import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { keepAlive } from '../base/tcp-keep-alive.js'
import { ProxyError } from '../model/errors.js'
import type { Exchange } from './exchange.js'
import { fieldOf } from './headers/forward-headers.js'
import type { RawFields } from './headers/raw-fields.js'
import { switchingHead, tunnel } from './upgrade.js'

/**
 * Joins a client to a server that has switched protocols.
 *
 * @param fields fields of the server's 101 response
 * @param cookie a cookie for the client, if it gets one
 */
export function switchProtocols(
  exchange: Exchange,
  fields: RawFields,
  server: Duplex,
  cookie?: string,
): void {
  const { upgrade, clientLeft, owner } = exchange
  server.on('error', ignore)
  // Half-close: after the server has ended its side, the client may still send.
  server.allowHalfOpen = true
  if (!upgrade || clientLeft) {
    server.destroy()
    return
  }
  const { protocol, socket, takeEarly } = upgrade
  if (fieldOf(fields, 'upgrade')?.toLowerCase() !== protocol) {
    // The client and the server would speak different protocols (RFC 9110, 7.8).
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
  // A server of the host may not have set TCP keep-alive for its clients. The
  // connection to the backend's server has had it since it was connected.
  if (socket instanceof Socket) keepAlive(socket, exchange.server?.upstream.tcpKeepAliveMs)
}

function ignore(): void {}
