import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it } from 'vitest'
import { parseStatusAddress } from '../../src/status/status-options.js'

const config = {
  frontends: { f: { backend: 'b', rule: 'Host:a' } },
  backends: { b: { servers: { s: { url: 'http://127.0.0.1:1' } } } },
}
const wrong = (options: object) => () => createProxy({ config, ...(options as ProxyOptions) })
const stream = { write() {} }

describe('options of what is seen from outside', () => {
  it.each([
    [{ status: true }, 'status: expected an object'],
    [{ status: { adress: ':1' } }, 'address'],
    [{ status: { address: '8080' } }, 'status.address: expected host:port'],
    [{ status: { address: ':99999' } }, 'status.address'],
    [{ status: { address: 8080 } }, 'status.address'],
    [{ status: { token: '' } }, 'status.token'],
    [{ status: { token: undefined } }, 'without spaces, found nothing'],
    [{ status: { token: 'two words' } }, 'status.token'],
    [{ status: { unreadyWhileStale: 'yes' } }, 'status.unreadyWhileStale'],
    [{ status: { metrics: null } }, 'status.metrics'],
    [{ status: { metrics: { registry: {} } } }, 'status.metrics.registry'],
    [{ status: { metrics: { prefix: 'my-' } } }, 'status.metrics.prefix'],
    [{ status: { metrics: { buckets: [1, 1] } } }, 'status.metrics.buckets'],
    [{ status: { metrics: { buckets: [0] } } }, 'status.metrics.buckets'],
    [{ status: { metrics: { buckets: 'x' } } }, 'status.metrics.buckets'],
    [{ status: { metrics: { maxBackends: 0 } } }, 'status.metrics.maxBackends'],
    [{ accessLog: {} }, 'expected exactly one of file, stream and logger'],
    [{ accessLog: { file: 'a', stream } }, 'expected exactly one of file, stream and logger'],
    [{ accessLog: { file: '' } }, 'accessLog.file'],
    [{ accessLog: { stream: {} } }, 'accessLog.stream'],
    [{ accessLog: { logger: {} } }, 'accessLog.logger'],
    [{ accessLog: { stream, format: 'xml' } }, 'accessLog.format'],
    [{ accessLog: { stream, filters: { statusCodes: ['5xx'] } } }, 'accessLog.filters.statusCodes'],
    [{ accessLog: { stream, filters: { statusCodes: '500' } } }, 'accessLog.filters.statusCodes'],
    [{ accessLog: { stream, filters: { statusCodes: ['599-500'] } } }, 'found string "599-500"'],
    [{ accessLog: { stream, filters: { statusCodes: [] } } }, 'at least one'],
    [{ accessLog: { stream, headers: { names: { Accept: 'keep' } } } }, 'the common format has no headers'],
    [{ status: { metrics: { buckets: [] } } }, 'at least one'],
    [{ accessLog: { stream, filters: { retryAttempts: 1 } } }, 'accessLog.filters.retryAttempts'],
    [{ accessLog: { stream, filters: { minDurationMs: -1 } } }, 'accessLog.filters.minDurationMs'],
    [
      { accessLog: { stream, format: 'json', headers: { default: 'hide' } } },
      'default: expected "keep", "redact" or "drop", found string "hide"',
    ],
    [
      { accessLog: { stream, format: 'json', headers: { names: { Accept: 'yes' } } } },
      'accessLog.headers: Accept',
    ],
    [{ logLevel: 'verbose' }, 'logLevel: expected one of debug, info, warn, error, off'],
    [{ logger: { info() {} } }, 'logger: expected a logger with debug, info, warn, error'],
  ])('%o are refused', (options, message) => {
    expect(wrong(options)).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it.each([
    [':8080', { host: '127.0.0.1', port: 8080 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('%s is an address', (text, expected) => {
    expect(parseStatusAddress(text)).toEqual(expected)
  })
})
