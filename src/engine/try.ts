import type { ProxyError } from '../model/errors.js'

/** One attempt to get a response from one server, as its exchange sees it. */
export interface Try {
  /** Whether a byte of the request may have been written. */
  readonly sent: boolean
  /** Pieces of the response that have come: its head, and each chunk of its body. */
  readonly pieces: number
  /** When the try began, as `performance.now()` tells it. 0 if nothing measures the backend's servers. */
  readonly startedAt: number
  /** Whether the connection was made for this try. The server cannot have been closing a new connection. */
  isFresh: boolean
  /** Whether the connection stood before, and no byte of a response has come. The server may have been closing it then. */
  readonly isOnStale: boolean
  /** Ends the request at the server, and its connection. */
  abort(reason: ProxyError): void
  /** Ends the try, so that its server no longer counts it as under way. Further calls change nothing. */
  over(): void
}
