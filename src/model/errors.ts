/** Who is to blame: the asking side, the answering side, the configuration, or this program. */
export type ErrorSource = 'client' | 'upstream' | 'config' | 'internal'

/**
 * Every code there is: who is to blame, the status a client gets for it, and what it is told. Adding a code is
 * adding a row. Codes are stable, messages are not: switch on the code.
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
  PROXY_LOOP: { source: 'config', status: 508, says: 'The request has come round in a circle.' },
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
  PROXY_CIRCUIT_OPEN: { source: 'upstream', status: 503, says: 'The service is not well.' },
  PROXY_NO_SERVER: { source: 'config', status: 503, says: 'No server is available.' },
  PROXY_CLOSED: { source: 'internal', status: 503, says: 'The proxy is shutting down.' },
  PROXY_INTERNAL: { source: 'internal', status: 500, says: 'The proxy failed.' },

  PROXY_OPTION_INVALID: { source: 'config', status: 500, says: 'An option is invalid.' },
  PROXY_RULE_INVALID: { source: 'config', status: 500, says: 'A rule is invalid.' },
  PROXY_CONFIG_INVALID: { source: 'config', status: 500, says: 'The configuration is invalid.' },
  PROXY_CONFIG_SUPERSEDED: { source: 'config', status: 500, says: 'A newer configuration came.' },
  PROXY_CONFIG_UNUSABLE: { source: 'config', status: 500, says: 'What was fetched is no configuration.' },
  PROXY_CONFIG_LAGGING: { source: 'config', status: 500, says: 'The configuration API lags behind.' },
  PROXY_CONFIG_UNREACHABLE: { source: 'upstream', status: 502, says: 'The configuration cannot be fetched.' },
  PROXY_CACHE_INVALID: {
    source: 'config',
    status: 500,
    says: 'What was kept of the last good configuration is damaged.',
  },
  PROXY_CACHE_FAILED: {
    source: 'internal',
    status: 500,
    says: 'The last good configuration cannot be kept.',
  },
  PROXY_ALIAS_INVALID: { source: 'config', status: 500, says: 'The alias value is invalid.' },
  PROXY_ALIAS_MISSING: { source: 'upstream', status: 502, says: 'The alias key does not exist.' },
  PROXY_ALIAS_UNREACHABLE: { source: 'upstream', status: 502, says: 'The alias cannot be read.' },
} as const satisfies Record<string, { source: ErrorSource; status: number; says: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/** What may be wrong with one place of a document. */
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

/** One thing that is wrong with a document, and where. */
export interface Issue {
  /** For example `frontends.web.routes.main.rule`; a name that is no plain word stands in `["..."]`. */
  readonly path: string
  readonly code: IssueCode
  /** What was found and what was expected. */
  readonly message: string
}

/** The one error class: a stable `code`, who is to blame, the status that a client would get, and the cause. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
  readonly code: ErrorCode
  readonly source: ErrorSource
  readonly status: number
  /** Every issue of a refused configuration or rule; empty for all other errors. */
  readonly issues: readonly Issue[]
  /** The other side asked not to be asked again before so many milliseconds (`Retry-After`, RFC 9110 section 10.2.3). */
  readonly retryAfterMs?: number

  constructor(code: ErrorCode, message?: string, more: ProxyErrorDetails = {}) {
    super(message ?? ERROR_CODES[code].says, 'cause' in more ? { cause: more.cause } : undefined)
    this.code = code
    this.source = ERROR_CODES[code].source
    this.status = ERROR_CODES[code].status
    this.issues = more.issues ?? []
    if (more.retryAfterMs !== undefined) this.retryAfterMs = more.retryAfterMs
  }
}

/** What is known of an error beside its code and message. */
export interface ProxyErrorDetails {
  readonly cause?: unknown
  readonly issues?: readonly Issue[]
  readonly retryAfterMs?: number | undefined
}

/**
 * Whatever was thrown, as an error whose message can be read and is a text. An alien value becomes the message of one. Code of
 * the host may throw an error whose members throw when they are read: whoever tells of it must not fail by that.
 */
export function asError(thrown: unknown): Error {
  try {
    if (!(thrown instanceof Error)) return new Error(textOf(thrown))
    if (typeof (thrown.message as unknown) === 'string') return thrown
  } catch {
    // What follows says so.
  }
  return new Error('an error that cannot be read', { cause: thrown })
}

/** Not `String(thrown)` of an object, which itself throws for one without a prototype. */
function textOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown ? 'something was thrown that is no error' : String(thrown)
}

/** All issues in one message, a line each, for logs and thrown errors. */
export function describeIssues(issues: readonly Issue[]): string {
  const shown = issues.slice(0, MAX_DESCRIBED)
  const lines = shown.map(({ path, code, message }) => `${path || '(document)'}: ${message} [${code}]`)
  if (issues.length > MAX_DESCRIBED) lines.push(`and ${issues.length - MAX_DESCRIBED} more`)
  return lines.join('\n')
}

/** The error of a configuration that is refused: its message names each issue by path. */
export function configInvalid(issues: readonly Issue[]): ProxyError {
  return new ProxyError('PROXY_CONFIG_INVALID', describeIssues(issues), { issues })
}

/** A message is for people; all issues are in the error beside it. */
const MAX_DESCRIBED = 100
