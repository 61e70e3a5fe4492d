/**
 * The side that caused an error. `client`: the client. `upstream`: a server, or the source of a configuration. `config`: a
 * document or an option. `internal`: the proxy, or code of the application that embeds it.
 */
export type ErrorSource = 'client' | 'upstream' | 'config' | 'internal'

/**
 * All error codes. Each has the side that caused the error, and the HTTP status and the text that a client gets. A new code needs
 * a row here. Codes are stable and texts are not, so programs compare codes.
 */
export const ERROR_CODES = {
  PROXY_BAD_REQUEST: { source: 'client', status: 400, says: 'The request is malformed.' },
  PROXY_CODING_UNSUPPORTED: {
    source: 'client',
    status: 501,
    says: 'The transfer coding is not supported.',
  },
  PROXY_VERSION_UNSUPPORTED: {
    source: 'internal',
    status: 505,
    says: 'This version of HTTP is not served here.',
  },
  PROXY_METHOD_REFUSED: { source: 'client', status: 405, says: 'The method is not allowed.' },
  PROXY_LOOP: { source: 'config', status: 508, says: 'The request came back to the proxy that sent it.' },
  PROXY_CLIENT_TIMEOUT: { source: 'client', status: 408, says: 'The client stopped sending or reading.' },
  PROXY_BODY_TOO_LARGE: { source: 'client', status: 413, says: 'The body is too large.' },
  PROXY_TOO_MANY_REQUESTS: { source: 'client', status: 429, says: 'Too many requests at a time.' },
  PROXY_FORBIDDEN: { source: 'client', status: 403, says: 'Access is not allowed.' },
  PROXY_NO_ROUTE: { source: 'client', status: 404, says: 'No frontend matches this request.' },
  PROXY_CLIENT_LEFT: { source: 'client', status: 499, says: 'The client left.' },

  PROXY_CONNECT_FAILED: { source: 'upstream', status: 502, says: 'The server could not be reached.' },
  PROXY_TLS_FAILED: { source: 'upstream', status: 502, says: 'The server could not prove who it is.' },
  PROXY_SERVER_FORBIDDEN: { source: 'config', status: 502, says: 'The server is not allowed.' },
  PROXY_CONNECT_TIMEOUT: {
    source: 'upstream',
    status: 504,
    says: 'The server could not be reached in time.',
  },
  PROXY_UPSTREAM_RESET: { source: 'upstream', status: 502, says: 'The server closed the connection.' },
  PROXY_BAD_RESPONSE: { source: 'upstream', status: 502, says: 'The server sent an invalid response.' },
  PROXY_RESPONSE_TIMEOUT: { source: 'upstream', status: 504, says: 'The server did not answer in time.' },
  PROXY_BODY_TIMEOUT: { source: 'upstream', status: 504, says: 'The body stalled.' },

  PROXY_REQUEST_TIMEOUT: { source: 'upstream', status: 504, says: 'The request took too long.' },
  PROXY_SERVER_RETIRED: { source: 'config', status: 503, says: 'The server is no longer configured.' },
  PROXY_UPGRADE_IDLE: { source: 'upstream', status: 504, says: 'The upgraded connection was idle.' },

  PROXY_OVERLOADED: { source: 'internal', status: 503, says: 'Too many requests are under way.' },
  PROXY_OUT_OF_RESOURCES: { source: 'internal', status: 503, says: 'The proxy is short of resources.' },
  PROXY_BODY_CONSUMED: {
    source: 'internal',
    status: 500,
    says: 'The body was read before the proxy was given the request.',
  },
  PROXY_HOOK_FAILED: { source: 'internal', status: 500, says: 'A hook failed.' },
  PROXY_NOT_READY: { source: 'internal', status: 503, says: 'No configuration is live yet.' },
  PROXY_SERVERS_BUSY: { source: 'upstream', status: 503, says: 'All servers are busy.' },
  PROXY_CIRCUIT_OPEN: { source: 'upstream', status: 503, says: 'The service is unavailable for a while.' },
  PROXY_NO_SERVER: { source: 'config', status: 503, says: 'No server is available.' },
  PROXY_CLOSED: { source: 'internal', status: 503, says: 'The proxy is shutting down.' },
  PROXY_INTERNAL: { source: 'internal', status: 500, says: 'The proxy failed.' },

  PROXY_OPTION_INVALID: { source: 'config', status: 500, says: 'An option is invalid.' },
  PROXY_RULE_INVALID: { source: 'config', status: 500, says: 'A rule is invalid.' },
  PROXY_CONFIG_INVALID: { source: 'config', status: 500, says: 'The configuration is invalid.' },
  PROXY_CONFIG_SUPERSEDED: {
    source: 'config',
    status: 500,
    says: 'A newer configuration replaced this one.',
  },
  PROXY_CONFIG_UNUSABLE: {
    source: 'config',
    status: 500,
    says: 'The fetched document is not a configuration.',
  },
  PROXY_CONFIG_LAGGING: { source: 'config', status: 500, says: 'The configuration API lags behind.' },
  PROXY_CONFIG_UNREACHABLE: { source: 'upstream', status: 502, says: 'The configuration cannot be fetched.' },
  PROXY_CACHE_INVALID: {
    source: 'config',
    status: 500,
    says: 'The stored last good configuration is damaged.',
  },
  PROXY_CACHE_FAILED: {
    source: 'internal',
    status: 500,
    says: 'The last good configuration cannot be stored.',
  },
  PROXY_ALIAS_INVALID: { source: 'config', status: 500, says: 'The alias value is invalid.' },
  PROXY_ALIAS_MISSING: { source: 'upstream', status: 502, says: 'The alias key does not exist.' },
  PROXY_ALIAS_UNREACHABLE: { source: 'upstream', status: 502, says: 'The alias cannot be read.' },
} as const satisfies Record<string, { source: ErrorSource; status: number; says: string }>

/** The code of a `ProxyError`. Codes are stable. docs/errors.md tells when each occurs and what to do. */
export type ErrorCode = keyof typeof ERROR_CODES

/** The code of an issue (a mistake in a document or a rule). Codes are stable. docs/errors.md tells what each means. */
export type IssueCode =
  | 'INVALID_TYPE'
  | 'INVALID_NAME'
  | 'INVALID_VALUE'
  | 'INVALID_URL'
  | 'INVALID_RULE'
  | 'INVALID_RANGE'
  | 'DUPLICATE_NAME'
  | 'MISSING_FIELD'
  | 'MISSING_RULE'
  | 'MISSING_BACKEND'
  | 'UNKNOWN_FIELD'
  | 'NOT_SUPPORTED'
  | 'GUARD_DROPPED'
  | 'EMPTY'
  | 'FILTER_FAILED'
  | 'MIDDLEWARE_FAILED'

/** One mistake in a configuration document or in a rule. */
export interface Issue {
  /**
   * The path of the mistake in the document, such as `frontends.web.routes.main.rule`. A name that is not a plain word is written
   * in `["..."]`.
   */
  readonly path: string
  /** The kind of mistake, as a stable code. */
  readonly code: IssueCode
  /** A text for people that says what was found and what was expected. */
  readonly message: string
}

/**
 * The only error class of this package. Programs compare its `code`, which is stable.
 *
 * @example
 * try {
 *   createProxy(options)
 * } catch (error) {
 *   if (error instanceof ProxyError && error.code === 'PROXY_CONFIG_INVALID') console.error(error.issues)
 *   else throw error
 * }
 */
export class ProxyError extends Error {
  /** Always `ProxyError`. */
  override readonly name = 'ProxyError'
  /** What happened, as a stable code. */
  readonly code: ErrorCode
  /** The side that caused the error. */
  readonly source: ErrorSource
  /** The HTTP status that a client gets for the error. */
  readonly status: number
  /** Every issue of a refused document or rule. Empty for other errors. */
  readonly issues: readonly Issue[]
  /** Milliseconds for which the service that answered wants no further request (`Retry-After`, RFC 9110 section 10.2.3). */
  readonly retryAfterMs?: number

  /**
   * Makes an error. Providers and fetchers of your own throw it or pass it to their sink.
   *
   * @param message a text for people; without it, the text of the code is used
   */
  constructor(code: ErrorCode, message?: string, more: ProxyErrorDetails = {}) {
    super(message ?? ERROR_CODES[code].says, 'cause' in more ? { cause: more.cause } : undefined)
    this.code = code
    this.source = ERROR_CODES[code].source
    this.status = ERROR_CODES[code].status
    this.issues = more.issues ?? []
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs
  }
}

/** Optional members of a new `ProxyError`. */
export interface ProxyErrorDetails {
  /** The error that caused this one. @default none */
  readonly cause?: unknown
  /** The mistakes in a document or a rule. @default none */
  readonly issues?: readonly Issue[]
  /** Milliseconds for which the service that answered wants no further request. @default none */
  readonly retryAfterMs?: number | undefined
}

/**
 * Returns any thrown value as an error whose message is a text. An error with such a message is returned unchanged. Code of the
 * application may throw anything, even an error whose getters throw. The caller must be able to report such an error too.
 */
export function asError(thrown: unknown): Error {
  try {
    if (!(thrown instanceof Error)) return new Error(textOf(thrown))
    if (typeof (thrown.message as unknown) === 'string') return thrown
  } catch {
    // A getter of the thrown error has thrown. The new error below says that the thrown one cannot be read.
  }
  return new Error('an error that cannot be read', { cause: thrown })
}

/**
 * Returns a message for a thrown value that is not an error. An object gets a fixed message, because `String` would throw for an
 * object without a prototype.
 */
function textOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown ? 'something was thrown that is no error' : String(thrown)
}

/** Returns one message for logs and thrown errors, with a line for each of the first `MAX_DESCRIBED` issues. */
export function describeIssues(issues: readonly Issue[]): string {
  const shown = issues.slice(0, MAX_DESCRIBED)
  const lines = shown.map(({ path, code, message }) => `${path || '(document)'}: ${message} [${code}]`)
  if (issues.length > MAX_DESCRIBED) lines.push(`and ${issues.length - MAX_DESCRIBED} more`)
  return lines.join('\n')
}

/** Makes the error for a refused configuration. Its message has a line for each issue. */
export function configInvalid(issues: readonly Issue[]): ProxyError {
  return new ProxyError('PROXY_CONFIG_INVALID', describeIssues(issues), { issues })
}

/** The largest number of issues that a message names. The field `issues` of the error has all of them. */
const MAX_DESCRIBED = 100
