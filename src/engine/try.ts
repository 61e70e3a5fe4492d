import type { ProxyError } from '../model/errors.js'

/** One try, as far as its exchange has to do with it. */
export interface Try {
  /** Whether a byte of the request may have been written. */
  readonly sent: boolean
  /** How often something came from the server. */
  readonly pieces: number
  /** As its backend said; 0 if nobody wants to know. */
  readonly startedAt: number
  /** Whether its connection was made for it: a server cannot have been closing it just then. */
  isFresh: boolean
  /** Whether its connection stood before, and not one byte of a response has come on it: a server may have been closing it just then. */
  readonly isOnStale: boolean
  /** Ends the server's side. */
  abort(reason: ProxyError): void
  /** It is under way on its server no more. Further calls change nothing. */
  over(): void
}
