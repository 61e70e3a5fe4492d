import { describe, expect, it } from 'vitest'
import type { IssueCode } from '../../src/model/errors.js'
import { backendWith, checkBackend } from '../support/check-document.js'

describe('a backend', () => {
  it('is copied with every field that it has, and no other', () => {
    const whole = {
      servers: { s1: { url: 'http://10.0.0.1:80', weight: 2 }, s2: { url: 'https://h.test/base' } },
      loadBalancer: { method: 'wrr' },
    }
    const { backend, issues } = checkBackend(whole)
    expect(issues).toEqual([])
    expect(backend).toEqual(whole)
    expect(Object.keys(backend.servers['s2'] ?? {})).toEqual(['url'])
    expect(backend.servers['s1']).not.toBe(whole.servers.s1)
    expect(Object.getPrototypeOf(backend.servers)).toBeNull()
  })

  it.each<[string, unknown, string, IssueCode, string]>([
    ['is no object', 7, '', 'INVALID_TYPE', 'expected an object, found number 7'],
    [
      'has no servers',
      {},
      '.servers',
      'MISSING_FIELD',
      'expected an object with names as keys, found nothing',
    ],
    [
      'has servers that are null',
      { servers: null },
      '.servers',
      'MISSING_FIELD',
      'expected an object with names as keys, found null',
    ],
    [
      'has servers that are a list',
      { servers: ['http://h'] },
      '.servers',
      'INVALID_TYPE',
      'expected an object with names as keys, found a list',
    ],
    [
      'has a server that is a text',
      { servers: { s1: 'http://h' } },
      '.servers.s1',
      'INVALID_TYPE',
      'expected an object, found string "http://h"',
    ],
    [
      'has a server without a URL',
      { servers: { s1: {} } },
      '.servers.s1.url',
      'MISSING_FIELD',
      'expected a URL, found nothing',
    ],
    [
      'has a server whose URL is a number',
      { servers: { s1: { url: 80 } } },
      '.servers.s1.url',
      'INVALID_TYPE',
      'expected a text, found number 80',
    ],
    [
      'has a server with a field misspelt',
      { servers: { s1: { url: 'http://h', wieght: 1 } } },
      '.servers.s1.wieght',
      'UNKNOWN_FIELD',
      'there is no field "wieght" here; the nearest known one is "weight"',
    ],
    [
      'has a load balancer that is a text',
      backendWith({ loadBalancer: 'wrr' }),
      '.loadBalancer',
      'INVALID_TYPE',
      'expected an object, found string "wrr"',
    ],
    [
      'has a method that is no text',
      backendWith({ loadBalancer: { method: 1 } }),
      '.loadBalancer.method',
      'INVALID_TYPE',
      'expected a text, found number 1',
    ],
    [
      'has a method that nobody has',
      backendWith({ loadBalancer: { method: 'wrrr' } }),
      '.loadBalancer.method',
      'INVALID_VALUE',
      'there is no strategy "wrrr"; the nearest known one is "wrr"',
    ],
    [
      'has a method with an inherited name',
      backendWith({ loadBalancer: { method: 'toString' } }),
      '.loadBalancer.method',
      'INVALID_VALUE',
      'there is no strategy "toString"',
    ],
    [
      'hashes by something else',
      backendWith({ loadBalancer: { method: 'consistentHash', hashBy: 'header:' } }),
      '.loadBalancer.hashBy',
      'INVALID_VALUE',
      'expected clientIp, path, header:NAME or cookie:NAME, found "header:"',
    ],
    [
      'has a health check without a path',
      backendWith({ healthCheck: { interval: '1s' } }),
      '.healthCheck.path',
      'MISSING_FIELD',
      'expected a path like /health, or scheme "tcp", found nothing',
    ],
    [
      'has a health check that is made without end',
      backendWith({ healthCheck: { path: '/', interval: 0 } }),
      '.healthCheck.interval',
      'INVALID_VALUE',
      'expected a duration above 0, like "10s"; a bare number is seconds; found number 0',
    ],
    [
      'has a health check of another scheme',
      backendWith({ healthCheck: { path: '/', scheme: 'ftp' } }),
      '.healthCheck.scheme',
      'INVALID_VALUE',
      'expected one of http, https, tcp, found string "ftp"',
    ],
    [
      'has a health check at a port that is none',
      backendWith({ healthCheck: { path: '/', port: 70_000 } }),
      '.healthCheck.port',
      'INVALID_VALUE',
      'expected a port from 1 to 65535, found number 70000',
    ],
    [
      'has a health check with a header that is none',
      backendWith({ healthCheck: { path: '/', headers: { 'X-A': 'a\r\nb' } } }),
      '.healthCheck.headers.X-A',
      'INVALID_VALUE',
      'is not a valid header field (RFC 9110, 5.5)',
    ],
    [
      'has a health check that expects something that is no status',
      backendWith({ healthCheck: { path: '/', status: '2xx' } }),
      '.healthCheck.status',
      'INVALID_VALUE',
      'expected statuses, like "200-399" or "200,204", found "2xx"',
    ],
    [
      'may have more servers ejected than there are',
      backendWith({ outlierDetection: { maxEjectedShare: 2 } }),
      '.outlierDetection.maxEjectedShare',
      'INVALID_VALUE',
      'expected a share from 0 to 1, found number 2',
    ],
    [
      'has a threshold of none',
      backendWith({ outlierDetection: { consecutiveFailures: 0 } }),
      '.outlierDetection.consecutiveFailures',
      'INVALID_VALUE',
      'expected a whole number of 1 or more, found number 0',
    ],
    [
      'looks names up at once again and again',
      backendWith({ strictDns: { interval: 0 } }),
      '.strictDns.interval',
      'INVALID_VALUE',
      'expected a duration above 0, like "10s"; a bare number is seconds; found number 0',
    ],
    [
      'has a slow start that is no duration',
      backendWith({ slowStart: 'soon' }),
      '.slowStart',
      'INVALID_VALUE',
      'expected a duration above 0, like "10s"; a bare number is seconds; found string "soon"',
    ],
    [
      'has a field misspelt',
      backendWith({ loadbalancer: {} }),
      '.loadbalancer',
      'UNKNOWN_FIELD',
      'there is no field "loadbalancer" here; the nearest known one is "loadBalancer"',
    ],
  ])('is refused if it %s', (_what, value, path, code, message) => {
    expect(checkBackend(value).issues).toEqual([{ path: `backends.pool${path}`, code, message }])
  })

  it("may use the host's own strategies", () => {
    const value = backendWith({ loadBalancer: { method: 'own' } })
    const own =
      <U>(upstreams: readonly U[]) =>
      () =>
        upstreams[0]
    expect(checkBackend(value, { strategies: { own } }).issues).toEqual([])
    expect(checkBackend(value).issues).toHaveLength(1)
  })

  it.each([0, 1, 0.5, 1000])('may have a server of weight %s', (weight) => {
    expect(checkBackend({ servers: { s1: { url: 'http://h', weight } } }).issues).toEqual([])
  })

  it.each<[unknown, IssueCode, string]>([
    [-1, 'INVALID_VALUE', 'number -1'],
    [Number.NaN, 'INVALID_VALUE', 'number NaN'],
    [Number.POSITIVE_INFINITY, 'INVALID_VALUE', 'number Infinity'],
    ['1', 'INVALID_TYPE', 'string "1"'],
    [1n, 'INVALID_TYPE', 'bigint 1'],
  ])('may not have a server of weight %s', (weight, code, found) => {
    expect(checkBackend({ servers: { s1: { url: 'http://h', weight } } }).issues).toEqual([
      {
        path: 'backends.pool.servers.s1.weight',
        code,
        message: `expected a number from 0 to 1000000, found ${found}`,
      },
    ])
  })

  it.each([{ tags: null }, { tags: [] }])('may have a server without tags, as %j', (none) => {
    const { backend, issues } = checkBackend({ servers: { s1: { url: 'http://h', ...none } } })
    expect(issues).toEqual([])
    expect(backend.servers['s1']).toEqual({ url: 'http://h' })
  })

  it('may have no server at all', () => {
    expect(checkBackend({ servers: {} }).issues).toEqual([])
  })
})
