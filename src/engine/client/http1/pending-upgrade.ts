import type { Duplex } from 'node:stream'

/** An upgrade request that may still become a tunnel: its socket, and the protocol that the client asks for. */
export interface PendingUpgrade {
  readonly protocol: string
  readonly socket: Duplex
  /** Returns the bytes that the client has sent on the socket after the request's head. */
  readonly takeEarly: () => Buffer
}
