import { asError, type ErrorCode, ProxyError } from '../../model/errors.js'
import { isShortage, isShortageOfOneServer } from './shortage.js'
import { describeTlsFailure, isTlsFailure } from './upstream-tls.js'

/** What node and undici call their failures, and what they are called here. */
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
  // undici asserts where a server switches protocols unasked, or sends a status below 100.
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

/** Methods that may be sent twice without harm (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** Anything thrown on a request's way, as one of our errors, with what was thrown as its cause. */
export function toProxyError(thrown: unknown): ProxyError {
  try {
    return thrown instanceof ProxyError ? thrown : byItsCode(thrown)
  } catch {
    // Code of the host threw something whose members throw when they are read.
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
  // Whatever the system calls it (too many open files, a firewall, a network that is down): it could not be reached.
  const { syscall } = (thrown ?? {}) as NodeJS.ErrnoException
  if (syscall === 'connect' || syscall === 'getaddrinfo' || syscall === 'bind') return 'PROXY_CONNECT_FAILED'
  // llhttp's complaints about a response: HPE_INVALID_CONSTANT and its like.
  if (code.startsWith('HPE_')) return 'PROXY_BAD_RESPONSE'
  return 'PROXY_INTERNAL'
}

function codeAndMessage(thrown: unknown): { code: string; message: string } {
  if (!(thrown instanceof Error)) return { code: '', message: asError(thrown).message }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  // Node tries several addresses of a name and throws one error for all: the first says what happened, but for one that is
  // of no kind that we have.
  if (thrown instanceof AggregateError && thrown.errors.length > 0)
    return codeAndMessage(thrown.errors.find((error) => !isShortage(error)) ?? thrown.errors[0])
  // Limits that undici keeps for us.
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return { code, message: `${thrown.message} (timeouts.connectMs)` }
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return {
      code,
      message: `${thrown.message}: the server's head or trailers are larger than limits.responseHeadBytes`,
    }
  // undici loses llhttp's code on its way.
  if (code === '' && thrown.name === 'HTTPParserError') return { code: 'HPE_', message: thrown.message }
  // Of a 100 or 101 that nobody asked for, undici says it as if the connection had broken.
  if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)$/.test(thrown.message))
    return { code: 'HPE_', message: `${thrown.message}: a status that was not asked for` }
  return { code, message: thrown.message || code }
}

/**
 * Whether a request that failed may be sent again, to another server: nothing of it can have been acted upon, or
 * doing it twice does no harm and there is no body that is already gone.
 *
 * @param sent whether the failed try came so far that a byte of it may have been written
 */
export function mayRetry(error: ProxyError, method: string, bodyUntouched: boolean, sent: boolean): boolean {
  if (!bodyUntouched) return false
  // By its code alone: the like may befall a connection that stood already.
  if (NEVER_SENT.has(error.code)) return !sent || IDEMPOTENT.has(method)
  if (error.code === 'PROXY_OUT_OF_RESOURCES') return !sent && isShortageOfOneServer(error.cause)
  return error.code === 'PROXY_UPSTREAM_RESET' && (!sent || IDEMPOTENT.has(method))
}

/** Failures that mostly come before a request could leave. */
const NEVER_SENT: ReadonlySet<ErrorCode> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
  'PROXY_SERVER_FORBIDDEN',
])

/**
 * Whether a try may have met a connection that the server was closing just then: the server is well, and may have the
 * request again on a fresh one.
 *
 * @param fresh whether the try that failed had one already
 */
export function isStaleConnection(error: ProxyError, fresh: boolean): boolean {
  return error.code === 'PROXY_UPSTREAM_RESET' && !fresh
}

/** Failures of a server to give a response. */
const FAULTS: ReadonlySet<ErrorCode> = new Set([
  'PROXY_CONNECT_FAILED',
  'PROXY_CONNECT_TIMEOUT',
  'PROXY_TLS_FAILED',
  'PROXY_UPSTREAM_RESET',
  'PROXY_BAD_RESPONSE',
  'PROXY_RESPONSE_TIMEOUT',
])

/** Whether a failure says something of its server's health. @param fresh whether the try that failed had a new connection */
export function isServersFault(error: ProxyError, fresh: boolean): boolean {
  return FAULTS.has(error.code) && !isStaleConnection(error, fresh)
}
