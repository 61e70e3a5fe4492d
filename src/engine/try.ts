import type { ProxyError } from '../model/errors.js'

/** One try to get a response from one server, as seen by the exchange (the request and its response). */
export interface Try {
  /** Whether some bytes of the request may have been sent to the server. */
  readonly sent: boolean
  /** Number of pieces of the response that have arrived. The head is one piece, and each chunk of the body is one. */
  readonly pieces: number
  /** When the try began, in milliseconds as returned by `performance.now()`. 0 if the backend measures no latencies. */
  readonly startedAt: number
  /** Whether the connection was opened for this try. Only an older connection may be one that the server was just closing. */
  isFresh: boolean
  /**
   * Whether the try uses an older connection on which no byte of the response has come. The server may have been closing it.
   */
  readonly isOnStale: boolean
  /** If the server is to blame for a failure of the try, counts the failure against this server. */
  blame(error: ProxyError): void
  /** From now on, nothing counts that the server sends: the client gets another response. */
  drop(): void
  /** Aborts the request at the server, and closes the connection to the server. */
  abort(reason: ProxyError): void
  /** Ends the try, so that the server no longer counts it as a request in progress. Further calls do nothing. */
  over(): void
}
