import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { EndedRequest } from '../../src/engine/request-reports.js'
import { duration } from '../../src/status/health.js'
import { Entries, jsonPieces } from '../../src/status/json-pieces.js'
import { LatencyHistogram } from '../../src/status/latency-histogram.js'
import { Series } from '../../src/status/series.js'
import { Traffic } from '../../src/status/traffic.js'
import { lintMetrics } from '../support/metrics-lint.js'

/** A request that ended, as far as `Traffic` looks at it. */
function ended(name: string, { status = 200 } = {}): EndedRequest {
  return {
    client: { method: 'GET', target: '/', status },
    frontend: { name },
    backend: { name: `${name}-backend`, servers: [{ name: 's' }] },
    server: { name: 's' },
    tries: { retries: 0 },
    bodyBytes: 11,
  } as unknown as EndedRequest
}

describe('LatencyHistogram', () => {
  it('says percentiles that are at most 4.5 % off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.99),
        (times, share) => {
          const histogram = new LatencyHistogram()
          for (const ms of times) histogram.record(ms)
          const exact = times.toSorted((a, b) => a - b)[Math.ceil(times.length * share) - 1] as number
          expect(Math.abs((histogram.percentile(share) as number) / exact - 1)).toBeLessThan(0.046)
        },
      ),
    )
  })

  it('takes what no clock should say', () => {
    const histogram = new LatencyHistogram()
    for (const ms of [0, -1, 1e-9, 1e12, Number.POSITIVE_INFINITY]) histogram.record(ms)
    expect(histogram.count).toBe(5)
    expect(histogram.percentile(0.99)).toBeLessThan(100_000)
    histogram.clear()
    expect([histogram.count, histogram.mean, histogram.percentile(0.5)]).toEqual([0, undefined, undefined])
  })
})

describe('Series', () => {
  it('tells methods, protocols and statuses apart, and counts into each bucket once', () => {
    const series = new Series([0.1, 1])
    for (const seconds of [0.1, 0.5, 1, 9]) series.count('GET', 200, seconds)
    series.count('GET', 101, 0.01)
    series.count('GROPE', 200, 0.01)
    expect([...series.cells]).toEqual([
      { method: 'GET', protocol: 'http', code: 200, count: 4, seconds: 10.6, buckets: [1, 2, 1] },
      { method: 'GET', protocol: 'websocket', code: 101, count: 1, seconds: 0.01, buckets: [1, 0, 0] },
      {
        method: 'EXTENSION_METHOD',
        protocol: 'http',
        code: 200,
        count: 1,
        seconds: 0.01,
        buckets: [1, 0, 0],
      },
    ])
  })
})

describe('Traffic', () => {
  it('cuts time into seconds, and knows shares of the last half to whole minute', () => {
    vi.useFakeTimers()
    const traffic = new Traffic({ inFlight: () => 3, isConfigured: () => true })
    try {
      for (let second = 0; second < 130; second += 1) {
        traffic.record(ended(second < 60 ? 'a' : 'b', { status: second % 2 === 0 ? 200 : 500 }), 5)
        vi.advanceTimersByTime(1_000)
      }
      expect(traffic.points).toHaveLength(120)
      expect(traffic.points.at(-1)).toMatchObject({
        requests: 1,
        errors: 1,
        inFlight: 3,
        p50Ms: expect.any(Number),
      })
      expect(traffic.points.at(-2)).toMatchObject({ requests: 1, errors: 0 })
      expect([traffic.shareOf('a'), traffic.shareOf('b'), traffic.shareOf('c')]).toEqual([0, 1, 0])
      vi.advanceTimersByTime(1_000)
      expect(traffic.points.at(-1)).toEqual({ at: expect.any(String), requests: 0, errors: 0, inFlight: 3 })
    } finally {
      traffic.stop()
      vi.useRealTimers()
    }
  })

  it('does not learn anew what is configured no more', () => {
    const traffic = new Traffic({ inFlight: () => 0, isConfigured: (_kind, name) => name.startsWith('new') })
    traffic.record(ended('new'), 5)
    traffic.record(ended('old'), 5)
    expect([...traffic.frontends.keys()]).toEqual(['new'])
    expect(traffic.servers.of('old-backend', 's')).toBeUndefined()
    traffic.record(ended('new'), 5)
    expect(traffic.frontends.get('new')?.requests).toBe(2)
    traffic.forget(['new'], ['new-backend'])
    expect([traffic.frontends.size, traffic.backends.size]).toEqual([0, 0])
    expect(traffic.totals).toMatchObject({ count: 3, bytes: 33 })
    traffic.stop()
  })
})

describe('jsonPieces', () => {
  it('is the JSON of the value, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const entries = new Entries(Object.entries(value))
        const text = [...jsonPieces({ all: entries, other: value, list: [1] })].join('')
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify({ all: value, other: value, list: [1] })))
      }),
    )
  })

  it('leaves out what is undefined, as JSON does', () => {
    const entries = new Entries([
      ['a', undefined],
      ['b', 1],
    ])
    expect([...jsonPieces(entries)].join('')).toBe('{"b":1}')
    expect([...jsonPieces(new Entries([]))].join('')).toBe('{}')
  })
})

describe('duration', () => {
  it.each([
    [0, '0s'],
    [0.000_045, '45µs'],
    [0.0123, '12.3ms'],
    [61.5, '1m1.5s'],
    [3_723.5, '1h2m3.5s'],
  ])('%d s is %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })
})

describe('lintMetrics', () => {
  it.each([
    ['a_total 1', /./],
    ['# HELP a x\n# TYPE a counter\na 1', /end with _total/],
    ['# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1', /base unit/],
    ['# HELP a x\n# TYPE a gauge\na 1\na 2', /twice/],
    ['# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_count 1', /buckets/],
  ])('complains of %s', (text, expected) => {
    let complaints: string
    try {
      complaints = lintMetrics(text).join() || (text.startsWith('#') ? '' : 'no family')
    } catch (error) {
      complaints = (error as Error).message
    }
    expect(complaints).toMatch(expected)
  })
})
