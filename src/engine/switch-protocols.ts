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
 * @param fields of the server's 101
 * @param cookie that the client gets with it, if any
 */
export function switchProtocols(
  exchange: Exchange,
  fields: RawFields,
  server: Duplex,
  cookie?: string,
): void {
  const { upgrade, clientLeft, owner } = exchange
  server.on('error', ignore)
  // When the server has said all, the client may still have something to say.
  server.allowHalfOpen = true
  if (!upgrade || clientLeft) {
    server.destroy()
    return
  }
  const { protocol, socket, takeEarly } = upgrade
  if (fieldOf(fields, 'upgrade')?.toLowerCase() !== protocol) {
    // The client would speak another protocol than the server (RFC 9110, 7.8).
    server.destroy()
    owner.retryOrRespond(
      exchange,
      new ProxyError('PROXY_BAD_RESPONSE', 'the server switched to another protocol'),
    )
    return
  }
  exchange.becameTunnel(server, socket)
  socket.write(switchingHead(protocol, fields, cookie), 'latin1')
  const early = takeEarly()
  if (early.length > 0) server.write(early)
  tunnel(socket, server, () => exchange.settle())
  // On a server of the host's, nobody may have done it. The server's side has it since it was connected.
  if (socket instanceof Socket) keepAlive(socket, exchange.server?.upstream.tcpKeepAliveMs)
}

function ignore(): void {}
