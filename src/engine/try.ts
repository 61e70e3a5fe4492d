import type { ProxyError } from '../model/errors.js'
import type { LiveBackend } from './backends/live-backend.js'
import type { LiveServer } from './backends/live-server.js'
import { isServersFault } from './upstream/failures.js'

/** One attempt to get a response from one server, as seen by the exchange (the request and its response). */
export interface Try {
  /** Whether some bytes of the request may have been sent to the server. */
  readonly sent: boolean
  /** Number of pieces of the response that have arrived. The head is one piece, and each chunk of the body is one. */
  readonly pieces: number
  /** When the attempt began, in milliseconds as returned by `performance.now()`. 0 if the backend measures no latencies. */
  readonly startedAt: number
  /** Whether the connection was opened for this attempt. Only an older connection may be one that the server was just closing. */
  isFresh: boolean
  /**
   * Whether the attempt uses an older connection on which no byte of the response has come. The server may have been closing it.
   */
  readonly isOnStale: boolean
  /** Aborts the request at the server, and closes the connection to the server. */
  abort(reason: ProxyError): void
  /** Ends the attempt, so that the server no longer counts it as a request in progress. Further calls do nothing. */
  over(): void
}

/** If the server is to blame for the failure of the newest attempt, counts the failure against this server. */
export function blameServer({ backend, server, newest }: TriedRequest, error: ProxyError): void {
  if (backend && server && newest && isServersFault(error, !newest.isOnStale))
    backend.tried(server, error, newest.startedAt)
}

/** The state of a request and of its newest attempt. */
interface TriedRequest {
  readonly backend: LiveBackend | undefined
  readonly server: LiveServer | undefined
  readonly newest: Try | undefined
}
