import { asError, type ErrorCode, ProxyError } from '../../model/errors.js'
import { isShortage, isShortageOfOneServer } from './shortage.js'
import { describeTlsFailure, isTlsFailure } from './upstream-tls.js'

/** Maps the error codes of Node and undici to the proxy's own error codes. */
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

/**
 * Returns a thrown `ProxyError` as it is. Wraps any other value that was thrown while the proxy served a request in a
 * `ProxyError`.
 */
export function toProxyError(thrown: unknown): ProxyError {
  try {
    return thrown instanceof ProxyError ? thrown : byItsCode(thrown)
  } catch {
    // The thrown value cannot be read: the application that embeds the proxy threw an object whose properties throw.
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
  // The operating system has many error codes for an unreachable server, for example behind a firewall. So the name of the failed
  // system call decides.
  const { syscall } = (thrown ?? {}) as NodeJS.ErrnoException
  if (syscall === 'connect' || syscall === 'getaddrinfo' || syscall === 'bind') return 'PROXY_CONNECT_FAILED'
  // undici's parser llhttp reports an invalid response by error codes such as HPE_INVALID_CONSTANT.
  if (code.startsWith('HPE_')) return 'PROXY_BAD_RESPONSE'
  return 'PROXY_INTERNAL'
}

function codeAndMessage(thrown: unknown): { code: string; message: string } {
  if (!(thrown instanceof Error)) return { code: '', message: asError(thrown).message }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  // Node tries several addresses of a host name, and throws one `AggregateError` for all of them. Its first error says what
  // happened. Errors about an address family (IPv4 or IPv6) that this machine lacks are skipped.
  if (thrown instanceof AggregateError && thrown.errors.length > 0)
    return codeAndMessage(thrown.errors.find((error) => !isShortage(error)) ?? thrown.errors[0])
  // Name the option of the proxy that sets the exceeded limit, because the message of undici does not.
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code, message: `${thrown.message} (timeouts.connectMs)` }
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return {
      code,
      message: `${thrown.message}: the server's head or trailers are larger than limits.responseHeadBytes`,
    }
  // If undici's parser rejects a response, undici drops the parser's error code. So only the error's name shows that the response
  // was invalid.
  if (code === '' && thrown.name === 'HTTPParserError') return { code: 'HPE_', message: thrown.message }
  // If the server sends a 100 or 101 that the request did not ask for, undici reports that the connection broke. Report an
  // invalid response instead.
  if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)$/.test(thrown.message))
    return { code: 'HPE_', message: `${thrown.message}: a status that was not asked for` }
  return { code, message: thrown.message || code }
}

/**
 * Returns whether a failed request may be sent again, for example to another server. The proxy must still be able to send the
 * whole request body. In addition, either the server cannot have acted on the request, or the method must be idempotent.
 *
 * @param bodyUntouched whether a further try can still send the whole body
 * @param sent whether the failed try may have written a byte of the request
 */
export function mayRetry(error: ProxyError, method: string, bodyUntouched: boolean, sent: boolean): boolean {
  if (!bodyUntouched) return false
  // These error codes alone do not prove that nothing was sent: an established connection can fail with them too.
  if (MOSTLY_UNSENT.has(error.code)) return !sent || IDEMPOTENT.has(method)
  if (error.code === 'PROXY_OUT_OF_RESOURCES') return !sent && isShortageOfOneServer(error.cause)
  return error.code === 'PROXY_UPSTREAM_RESET' && (!sent || IDEMPOTENT.has(method))
}

/** The error codes of failures that mostly happen before a byte of the request is sent. */
const MOSTLY_UNSENT: ReadonlySet<ErrorCode> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
  'PROXY_SERVER_FORBIDDEN',
])

/**
 * Returns whether a try may have failed because of a stale connection: an idle connection that the server was already closing.
 * Such a server is healthy, so it may get the request again on a new connection.
 *
 * @param fresh whether the failed try had a new connection
 */
export function isStaleConnection(error: ProxyError, fresh: boolean): boolean {
  return error.code === 'PROXY_UPSTREAM_RESET' && !fresh
}

/** The error codes of failures in which the server gave no valid response. */
const FAULTS: ReadonlySet<ErrorCode> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
  'PROXY_UPSTREAM_RESET',
  'PROXY_BAD_RESPONSE',
  'PROXY_RESPONSE_TIMEOUT',
])

/**
 * Returns whether a failure is a sign that the server is unhealthy.
 *
 * @param fresh whether the failed try had a new connection
 */
export function isServersFault(error: ProxyError, fresh: boolean): boolean {
  return FAULTS.has(error.code) && !isStaleConnection(error, fresh)
}
