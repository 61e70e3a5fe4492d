import { asError, type ErrorCode, ProxyError } from '../../model/errors.js'
import { isShortage, isShortageOfOneServer } from './shortage.js'
import { describeTlsFailure, isTlsFailure } from './upstream-tls.js'

/** The error codes of Node and undici, and our code for each. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'PROXY_CONNECT_FAILED',
  ENOTFOUND: 'PROXY_CONNECT_FAILED',
  EAI_AGAIN: 'PROXY_CONNECT_FAILED',
  EHOSTUNREACH: 'PROXY_CONNECT_FAILED',
  ENETUNREACH: 'PROXY_CONNECT_FAILED',
  ETIMEDOUT: 'PROXY_CONNECT_TIMEOUT',
  UND_ERR_CONNECT_TIMEOUT: 'PROXY_CONNECT_TIMEOUT',
  UND_ERR_SOCKET: 'PROXY_UPSTREAM_RESET',
  ECONNRESET: 'PROXY_UPSTREAM_RESET',
  EPIPE: 'PROXY_UPSTREAM_RESET',
  UND_ERR_HEADERS_OVERFLOW: 'PROXY_BAD_RESPONSE',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'PROXY_BAD_RESPONSE',
  // An assertion of undici fails when a server switches protocols without being asked, or sends a status below 100.
  ERR_ASSERTION: 'PROXY_BAD_RESPONSE',
  ERR_INVALID_CHAR: 'PROXY_BAD_RESPONSE',
  ERR_HTTP_INVALID_STATUS_CODE: 'PROXY_BAD_RESPONSE',
  UND_ERR_INVALID_ARG: 'PROXY_BAD_REQUEST',
  UND_ERR_NOT_SUPPORTED: 'PROXY_BAD_REQUEST',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'PROXY_BAD_REQUEST',
  UND_ERR_ABORTED: 'PROXY_CLIENT_LEFT',
  UND_ERR_DESTROYED: 'PROXY_CLOSED',
  UND_ERR_CLOSED: 'PROXY_CLOSED',
}

/** Idempotent methods: a request with one of them may be sent twice without harm (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** Returns a `ProxyError` as it is. Wraps anything else that was thrown while the proxy served a request. */
export function toProxyError(thrown: unknown): ProxyError {
  try {
    return thrown instanceof ProxyError ? thrown : byItsCode(thrown)
  } catch {
    // The host's code threw an object whose properties throw when they are read.
    return new ProxyError('PROXY_INTERNAL', asError(thrown).message, { cause: thrown })
  }
}

function byItsCode(thrown: unknown): ProxyError {
  const { code, message } = codeAndMessage(thrown)
  if (isShortage(thrown)) return new ProxyError('PROXY_OUT_OF_RESOURCES', message, { cause: thrown })
  if (isTlsFailure(code)) {
    return new ProxyError('PROXY_TLS_FAILED', describeTlsFailure(code, message), { cause: thrown })
  }
  return new ProxyError(ourCode(code, thrown), message, { cause: thrown })
}

function ourCode(code: string, thrown: unknown): ErrorCode {
  if (Object.hasOwn(CODES, code)) return CODES[code] as ErrorCode
  // The system has many codes for a server that cannot be reached, for example behind a firewall.
  const { syscall } = (thrown ?? {}) as NodeJS.ErrnoException
  if (syscall === 'connect' || syscall === 'getaddrinfo' || syscall === 'bind') return 'PROXY_CONNECT_FAILED'
  // llhttp, undici's parser, reports an invalid response by codes such as HPE_INVALID_CONSTANT.
  if (code.startsWith('HPE_')) return 'PROXY_BAD_RESPONSE'
  return 'PROXY_INTERNAL'
}

function codeAndMessage(thrown: unknown): { code: string; message: string } {
  if (!(thrown instanceof Error)) return { code: '', message: asError(thrown).message }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  // Node tries several addresses of a name and throws one error for all of them. The first error says what happened. Errors
  // about an address family that this machine lacks are skipped.
  if (thrown instanceof AggregateError && thrown.errors.length > 0)
    return codeAndMessage(thrown.errors.find((error) => !isShortage(error)) ?? thrown.errors[0])
  // The messages of undici do not name the options that set these limits.
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code, message: `${thrown.message} (timeouts.connectMs)` }
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return {
      code,
      message: `${thrown.message}: the server's head or trailers are larger than limits.responseHeadBytes`,
    }
  // undici drops llhttp's code, so only the name of the error shows that the response was invalid.
  if (code === '' && thrown.name === 'HTTPParserError') return { code: 'HPE_', message: thrown.message }
  // undici reports a 100 or 101 that the request did not ask for as if the connection had broken.
  if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)$/.test(thrown.message))
    return { code: 'HPE_', message: `${thrown.message}: a status that was not asked for` }
  return { code, message: thrown.message || code }
}

/**
 * Returns whether a failed request may be sent again, to another server. Its body must still be whole. Either the server
 * cannot have acted on the request, or the method is idempotent.
 *
 * @param bodyUntouched whether a further try can still send the whole body
 * @param sent whether the failed try may have written a byte of the request
 */
export function mayRetry(error: ProxyError, method: string, bodyUntouched: boolean, sent: boolean): boolean {
  if (!bodyUntouched) return false
  // The code alone proves nothing: an established connection can fail with these codes too.
  if (MOSTLY_UNSENT.has(error.code)) return !sent || IDEMPOTENT.has(method)
  if (error.code === 'PROXY_OUT_OF_RESOURCES') return !sent && isShortageOfOneServer(error.cause)
  return error.code === 'PROXY_UPSTREAM_RESET' && (!sent || IDEMPOTENT.has(method))
}

/** Failures that mostly happen before a byte of the request is sent. */
const MOSTLY_UNSENT: ReadonlySet<ErrorCode> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
  'PROXY_SERVER_FORBIDDEN',
])

/**
 * Returns whether a try may have failed because of a stale connection. The server is healthy then, so it may get the request
 * again on a new connection.
 *
 * @param fresh whether the failed try had a new connection
 */
export function isStaleConnection(error: ProxyError, fresh: boolean): boolean {
  return error.code === 'PROXY_UPSTREAM_RESET' && !fresh
}

/** Failures in which the server gave no valid response. */
const FAULTS: ReadonlySet<ErrorCode> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
  'PROXY_UPSTREAM_RESET',
  'PROXY_BAD_RESPONSE',
  'PROXY_RESPONSE_TIMEOUT',
])

/**
 * Returns whether a failure says that the server is unhealthy.
 *
 * @param fresh whether the failed try had a new connection
 */
export function isServersFault(error: ProxyError, fresh: boolean): boolean {
  return FAULTS.has(error.code) && !isStaleConnection(error, fresh)
}
