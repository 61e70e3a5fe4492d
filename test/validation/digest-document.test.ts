import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import { digestDocument } from '../../src/validation/digest-document.js'
import { withFieldCase } from '../../src/validation/with-field-case.js'

const DOCUMENT = {
  version: 'v1',
  frontends: { web: { backend: 'pool', rule: 'Host:a.test', passHostHeader: true } },
  backends: {
    pool: {
      servers: { b: { weight: 2, url: 'http://10.0.0.2' }, a: { url: 'http://10.0.0.1' } },
      healthCheck: { path: '/é', interval: '1m30s', status: '200' },
      loadBalancer: { stickiness: {} },
    },
  },
}

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const digest = (document: unknown) => runAtOnce(digestDocument(withFieldCase(document)))

interface Vector {
  readonly meaning: string
  readonly document: unknown
  readonly digest: string
  readonly frontends: Readonly<Record<string, string>>
  readonly backends: Readonly<Record<string, string>>
}

const VECTORS = JSON.parse(readFileSync('docs/digest-vectors.json', 'utf8')) as { vectors: readonly Vector[] }

describe('the digest of a document', () => {
  it.each(VECTORS.vectors)('is that of the vectors: $meaning', ({ document, meaning: _, ...vector }) => {
    expect({ ...vector, ...digest(document) }).toEqual(vector)
  })

  it.each([
    ['1.5ms', 0.002],
    ['1ns', '1ms'],
    ['1h0.4ms', 3600],
  ])('has the whole milliseconds of %s', (written, same) => {
    const of = (slowStart: string | number) =>
      digest({ ...DOCUMENT, backends: { pool: { ...DOCUMENT.backends.pool, slowStart } } })
    expect(of(written)).toEqual(of(same))
  })

  it('is none with half of a surrogate pair, and says where', () => {
    const frontends = { 'a b': { ...DOCUMENT.frontends.web, rule: 'Path:/\ud800' } }
    expect(() => digest({ ...DOCUMENT, frontends })).toThrow(
      /^frontends\["a b"\]: expected what RFC 8785 can write, .* well-formed Unicode/,
    )
  })

  it('is none with half of a surrogate pair in a name, and says where', () => {
    const frontends = { 'a\ud800': DOCUMENT.frontends.web }
    expect(() => digest({ ...DOCUMENT, frontends })).toThrow(
      /^frontends\["a\\ud800"\]: expected what RFC 8785 can write, /,
    )
  })

  it('is that of the texts in docs/digest.md', () => {
    const web = sha256('{"backend":"pool","passHostHeader":true,"rule":"Host:a.test"}')
    const pool = sha256(
      '{"healthCheck":{"interval":90000,"path":"/é","status":"200"},"loadBalancer":{"stickiness":{}},' +
        '"servers":{"a":{"url":"http://10.0.0.1"},"b":{"url":"http://10.0.0.2","weight":2}}}',
    )
    expect(digest(DOCUMENT)).toEqual({
      digest: sha256(`{"backends":{"pool":"${pool}"},"frontends":{"web":"${web}"}}`),
      frontends: { web },
      backends: { pool },
    })
  })

  it('is the same in another spelling, and with what asks for nothing', () => {
    const { web } = DOCUMENT.frontends
    const { pool } = DOCUMENT.backends
    const other = {
      $schema: 'x',
      prefix: '/traefik/v1',
      Backends: {
        pool: {
          Servers: { a: { URL: 'http://10.0.0.1', tags: [] }, b: { url: 'http://10.0.0.2', weight: 2 } },
          LoadBalancer: { Stickiness: {} },
          healthcheck: { ...pool.healthCheck, interval: 90, status: 200, headers: {} },
          circuitBreaker: null,
          maxConn: {},
        },
      },
      frontends: {
        web: { PassHostHeader: web.passHostHeader, rule: web.rule, backend: web.backend, routes: {} },
      },
    }
    expect(digest(other)).toEqual(digest(DOCUMENT))
  })

  it('is the same with a number in the place of a label, which a filter may write as a text', () => {
    const of = (build: unknown) => digest({ ...DOCUMENT, metadata: { build } })
    expect(of(7)).toEqual(of('7'))
  })

  it.each([
    ['another field', { pool: { ...DOCUMENT.backends.pool, slowStart: '1ms' } }],
    ['no stickiness', { pool: { ...DOCUMENT.backends.pool, loadBalancer: {} } }],
    ['another name', { pools: DOCUMENT.backends.pool }],
  ])('is another one with %s', (_what, backends) => {
    const changed = digest({ ...DOCUMENT, backends })
    expect(changed.digest).not.toBe(digest(DOCUMENT).digest)
    expect(changed.frontends).toEqual(digest(DOCUMENT).frontends)
  })
})
