import type { ClientSide, UnreadBody } from './client-side.js'

/** A request that the proxy itself answers. */
export interface Answered {
  readonly client: ClientSide
  /** The request's body, if it is streamed to a server. */
  readonly body?: UnreadBody | undefined
}

/** A whole response that the proxy itself makes. */
export interface OwnResponse {
  readonly status: number
  /** The reason phrase, if it is another than the usual one for the status. */
  readonly reason?: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body?: string
}

/**
 * Sends a whole response that the proxy itself makes. All of them are sent here.
 *
 * @param ends whether the connection must close after this response
 * @returns the number of bytes of the body that the client gets
 */
export function sendOwn(answered: Answered, response: OwnResponse, ends: boolean): number {
  const { client } = answered
  const { status, reason, headers, body } = response
  if (ends || hasMoreToCome(client)) client.closeAfter(answered.body)
  client.sendHead(status, reason, headers)
  const isSent = body !== undefined && client.method !== 'HEAD'
  client.end(isSent ? body : undefined)
  return isSent ? Buffer.byteLength(body) : 0
}

/**
 * Returns whether a part of the request's body has not arrived yet. If the connection stayed
 * open, the proxy would read that part for no purpose, or take it for the next request.
 */
function hasMoreToCome({ hasBody, isComplete, body, headers }: ClientSide): boolean {
  return hasBody && !isComplete && body.readableLength !== Number(headers['content-length'])
}
