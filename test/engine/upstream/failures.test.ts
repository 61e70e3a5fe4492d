import { describe, expect, it } from 'vitest'
import { publicMessage } from '../../../src/engine/client/error-response.js'
import { isServersFault, mayRetry, toProxyError } from '../../../src/engine/upstream/failures.js'
import { ERROR_CODES, type ErrorCode, ProxyError } from '../../../src/model/errors.js'

function failure(code: string, message = 'it said so'): Error {
  return Object.assign(new Error(message), { code })
}

describe('a connection that the system does not make', () => {
  it.each([
    ['connect', 'EACCES'],
    ['connect', 'EHOSTDOWN'],
    ['getaddrinfo', 'EAI_FAIL'],
  ])('is one that could not be made: %s %s', (syscall, code) => {
    const error = Object.assign(new Error(`${syscall} ${code}`), { syscall, code })
    expect(toProxyError(error)).toMatchObject({ code: 'PROXY_CONNECT_FAILED', status: 502, cause: error })
  })
})

describe('what is short on our own side', () => {
  const OURS = { code: 'PROXY_OUT_OF_RESOURCES', source: 'internal', status: 503 }

  it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAI_MEMORY'])(
    'is no fault of a server: %s',
    (code) => {
      const thrown = failure(code)
      const error = toProxyError(thrown)
      expect(error).toMatchObject({ ...OURS, cause: thrown })
      expect([isServersFault(error, true), isServersFault(error, false)]).toEqual([false, false])
      expect(publicMessage(error)).toBe('The proxy is short of resources.')
    },
  )

  it.each([
    [['ECONNREFUSED', 'EMFILE'], 'PROXY_OUT_OF_RESOURCES'],
    [['EMFILE', 'ECONNREFUSED'], 'PROXY_OUT_OF_RESOURCES'],
    [['EADDRNOTAVAIL', 'EADDRNOTAVAIL'], 'PROXY_OUT_OF_RESOURCES'],
    // This machine has no IPv6, and the server is down.
    [['EADDRNOTAVAIL', 'ECONNREFUSED'], 'PROXY_CONNECT_FAILED'],
    [['ECONNREFUSED', 'EADDRNOTAVAIL'], 'PROXY_CONNECT_FAILED'],
  ])('of several addresses of a name: %s', (codes, ours) => {
    const thrown = new AggregateError(codes.map((code) => failure(code)))
    expect(toProxyError(Object.assign(thrown, { code: codes[0] }))).toMatchObject({ code: ours })
  })

  it('is tried again on another server where only ports towards one are taken', () => {
    const retried = (code: string, sent: boolean) => mayRetry(toProxyError(failure(code)), 'GET', true, sent)
    expect(retried('EADDRNOTAVAIL', false)).toBe(true)
    expect(retried('EADDRNOTAVAIL', true)).toBe(false)
    for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']) expect(retried(code, false)).toBe(false)
  })

  it('is a system that is busy when it looks a name up', () => {
    const thrown = Object.assign(failure('EBUSY'), { syscall: 'getaddrinfo' })
    expect(toProxyError(thrown)).toMatchObject({ ...OURS, cause: thrown })
  })

  it('is not the name of a server that cannot be found, while descriptors are left', () => {
    for (const code of ['EAI_AGAIN', 'ENOTFOUND', 'EINVAL', 'ENAMETOOLONG']) {
      const thrown = Object.assign(failure(code), { syscall: 'getaddrinfo' })
      expect(toProxyError(thrown)).toMatchObject({ code: 'PROXY_CONNECT_FAILED' })
    }
  })
})

describe('the one mapper of errors', () => {
  it.each([
    ['ECONNREFUSED', 'PROXY_CONNECT_FAILED', 502],
    ['ENOTFOUND', 'PROXY_CONNECT_FAILED', 502],
    ['EHOSTUNREACH', 'PROXY_CONNECT_FAILED', 502],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'PROXY_TLS_FAILED', 502],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'PROXY_TLS_FAILED', 502],
    ['UND_ERR_CONNECT_TIMEOUT', 'PROXY_CONNECT_TIMEOUT', 504],
    ['ECONNRESET', 'PROXY_UPSTREAM_RESET', 502],
    ['UND_ERR_SOCKET', 'PROXY_UPSTREAM_RESET', 502],
    ['HPE_INVALID_CONSTANT', 'PROXY_BAD_RESPONSE', 502],
    ['UND_ERR_HEADERS_OVERFLOW', 'PROXY_BAD_RESPONSE', 502],
    ['UND_ERR_INVALID_ARG', 'PROXY_BAD_REQUEST', 400],
    ['UND_ERR_DESTROYED', 'PROXY_CLOSED', 503],
    ['WHO_KNOWS', 'PROXY_INTERNAL', 500],
    ['toString', 'PROXY_INTERNAL', 500],
  ])('makes %s %s, status %i, and keeps it as the cause', (code, ours, status) => {
    const thrown = failure(code)
    const error = toProxyError(thrown)
    expect(error).toMatchObject({ code: ours, status, cause: thrown })
    expect(error.message).toMatch(/^it said so/)
  })

  it('leaves our own errors alone', () => {
    const error = new ProxyError('PROXY_NO_ROUTE')
    expect(toProxyError(error)).toBe(error)
  })

  it('takes the first of several tried addresses for all', () => {
    const thrown = new AggregateError([failure('ECONNREFUSED', 'refused by ::1'), failure('ETIMEDOUT')])
    expect(toProxyError(thrown)).toMatchObject({ code: 'PROXY_CONNECT_FAILED', message: 'refused by ::1' })
  })

  it('takes what is no error too', () => {
    expect(toProxyError('plain text')).toMatchObject({ code: 'PROXY_INTERNAL', message: 'plain text' })
    expect(toProxyError(undefined)).toMatchObject({ code: 'PROXY_INTERNAL' })
  })
})

describe('a further try', () => {
  it.each<[ErrorCode, string, boolean, boolean]>([
    ['PROXY_CONNECT_FAILED', 'GET', true, true],
    ['PROXY_CONNECT_FAILED', 'POST', true, true],
    ['PROXY_CONNECT_TIMEOUT', 'PATCH', true, true],
    ['PROXY_CONNECT_FAILED', 'POST', false, false],
    ['PROXY_UPSTREAM_RESET', 'GET', true, true],
    ['PROXY_UPSTREAM_RESET', 'DELETE', true, true],
    ['PROXY_UPSTREAM_RESET', 'POST', true, false],
    ['PROXY_UPSTREAM_RESET', 'PUT', false, false],
    ['PROXY_RESPONSE_TIMEOUT', 'GET', true, false],
    ['PROXY_BAD_RESPONSE', 'GET', true, false],
    ['PROXY_CLOSED', 'GET', true, false],
  ])('after %s of a %s whose body is untouched (%s): %s', (code, method, untouched, again) => {
    expect(mayRetry(new ProxyError(code), method, untouched, !code.startsWith('PROXY_CONNECT'))).toBe(again)
  })

  it('may follow a reset before a byte was written, whatever the method', () => {
    expect(mayRetry(new ProxyError('PROXY_UPSTREAM_RESET'), 'POST', true, false)).toBe(true)
    expect(mayRetry(new ProxyError('PROXY_UPSTREAM_RESET'), 'POST', false, false)).toBe(false)
    // This error usually means that no connection opened. Here it happens on an open connection.
    expect(mayRetry(new ProxyError('PROXY_TLS_FAILED'), 'POST', true, true)).toBe(false)
    expect(mayRetry(new ProxyError('PROXY_TLS_FAILED'), 'GET', true, true)).toBe(true)
  })
})

describe('what a client is told', () => {
  it('depends on the code alone', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      expect(publicMessage(new ProxyError(code, 'connect ECONNREFUSED 10.1.2.3:80'))).toBe(
        ERROR_CODES[code].says,
      )
    }
  })
})
