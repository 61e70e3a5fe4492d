import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { forwardResponseHeaders } from '../../headers/forward-headers.js'
import type { RawFields } from '../../headers/raw-fields.js'
import { withoutLength } from '../../headers/response-head.js'
import { tunnel } from '../tunnel.js'
import type { PendingUpgrade } from './pending-upgrade.js'

/**
 * Makes the connection of an upgrade request a tunnel to a server. From now on, the response of Node has no socket.
 *
 * @param head the head of the 101 response
 * @param onClosed called once, when both connections have closed
 */
export function startTunnel(
  { socket, takeEarly }: PendingUpgrade,
  res: ServerResponse,
  server: Duplex,
  head: string,
  onClosed: () => void,
): void {
  res.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
  res.statusCode = 101
  socket.write(head, 'latin1')
  const early = takeEarly()
  if (early.length > 0) server.write(early)
  tunnel(socket, server, onClosed)
}

/**
 * Returns the head of the 101 response for the client, with the server's header fields. It must not contain a `Content-Length`
 * (RFC 9110, 8.6).
 */
export function switchingHead(protocol: string, fields: RawFields, cookie?: string): string {
  const headers = withoutLength(forwardResponseHeaders(fields))
  if (cookie !== undefined) headers.push('Set-Cookie', cookie)
  let head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2)
    head += `${headers[index]}: ${headers[index + 1]}\r\n`
  return `${head}\r\n`
}
