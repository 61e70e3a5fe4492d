import fc from 'fast-check'
import { stringify as stringifyToml } from 'smol-toml'
import { type ProxyError, validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { stringify as stringifyYaml } from 'yaml'
import { runAtOnce } from '../../../src/base/run-steps.js'
import { keysOfDocument } from '../../../src/providers/kv/keys-of-document.js'
import { documentOfKeys } from '../../../src/providers/kv/kv-document.js'
import { parseText } from '../../../src/providers/parse-document.js'
import { digestDocument } from '../../../src/validation/digest-document.js'
import { withFieldCase } from '../../../src/validation/with-field-case.js'
import { withoutOff } from '../../../src/validation/without-off.js'
import { validDocuments } from '../../support/generated-documents.js'

const digest = (document: unknown) => runAtOnce(digestDocument(withFieldCase(document)))

function readBack(document: unknown) {
  const entries = runAtOnce(keysOfDocument(document)).map(([key, value]) => ({
    key,
    value: Buffer.from(value),
  }))
  return runAtOnce(documentOfKeys(entries, '/traefik'))
}

/** Returns a copy without rules as data, and with numbers of three decimals. Keys hold no others. */
function storable(value: unknown, name = ''): unknown {
  if (typeof value === 'number') return Number(value.toFixed(3))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if (name === 'rule') return 'Host:a.test'
  return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, storable(inside, key)]))
}

describe('a document as keys of Traefik 1.7', () => {
  it('has the digest that it had, or is refused by path', { timeout: 120_000 }, () => {
    let [kept, refused] = [0, 0]
    fc.assert(
      fc.property(validDocuments, fc.integer({ min: 0, max: 9 }), (generated, tenth) => {
        const document = tenth === 0 ? generated : storable(generated)
        let back: unknown
        try {
          back = readBack(document)
        } catch (error) {
          const { issues = [] } = error as ProxyError
          expect(issues.length, String(error)).toBeGreaterThan(0)
          refused += 1
          return
        }
        expect(digest(back)).toEqual(digest(document))
        expect(validateConfig(back).ok).toBe(true)
        kept += 1
      }),
      { numRuns: 2_000 },
    )
    console.log(`written as keys and read back: ${kept} with the same digest, ${refused} refused by path`)
    expect(kept).toBeGreaterThan(1_500)
  })

  const backends = { pool: { servers: { one: { url: 'http://10.0.0.1' } } } }
  const web = { backend: 'pool', rule: 'Host:a.test' }

  it('is a key for each value', () => {
    const pool = {
      ...backends.pool,
      loadBalancer: { stickiness: {} },
      slowStart: '1m30s',
      healthCheck: { path: '/up', headers: { 'X-A': 'b, c' } },
    }
    const keys = runAtOnce(
      keysOfDocument({
        version: 'v1',
        prefix: '/p',
        frontends: { web: { ...web, entryPoints: ['a', 'b'], auth: null } },
        backends: { pool },
      }),
    )
    expect(Object.fromEntries(keys)).toEqual({
      version: 'v1',
      'frontends/web/backend': 'pool',
      'frontends/web/rule': 'Host:a.test',
      'frontends/web/entryPoints/0': 'a',
      'frontends/web/entryPoints/1': 'b',
      'backends/pool/servers/one/url': 'http://10.0.0.1',
      'backends/pool/loadBalancer/stickiness': 'true',
      'backends/pool/slowStart': '90000ms',
      'backends/pool/healthCheck/path': '/up',
      'backends/pool/healthCheck/headers/X-A': 'b, c',
    })
  })

  it.each([
    ['frontends["a/b"]', { frontends: { 'a/b': web }, backends }],
    ['frontends.web.rule', { frontends: { web: { backend: 'pool', rule: { host: 'a.test' } } }, backends }],
    [
      'frontends.web.routes["a/b"]',
      { frontends: { web: { backend: 'pool', routes: { 'a/b': { rule: 'x' } } } } },
    ],
    ['backends.none', { frontends: { web }, backends: { none: { servers: {} } } }],
    [
      'backends.pool.outlierDetection.failureShare',
      { backends: { pool: { ...backends.pool, outlierDetection: { failureShare: 1e-9 } } } },
    ],
    ['frontends.web.auth', { frontends: { web: { ...web, auth: { basic: {} } } }, backends }],
    ['tls', { frontends: { web }, backends, tls: [{ certificate: {} }] }],
  ])('is refused at %s, which no key can hold', (path, document) => {
    expect(() => runAtOnce(keysOfDocument(document))).toThrow(
      expect.objectContaining({ code: 'PROXY_CONFIG_INVALID', issues: [expect.objectContaining({ path })] }),
    )
  })
})

describe('a document as JSON, YAML and TOML', () => {
  it('has one digest', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(validDocuments, async (generated) => {
        // TOML has no null, and tells whole numbers from others.
        const document = storable(JSON.parse(JSON.stringify(withoutOff(generated)))) as Record<
          string,
          unknown
        >
        const texts = {
          json: JSON.stringify(document),
          yaml: stringifyYaml(document),
          toml: stringifyToml(document),
        }
        for (const [format, text] of Object.entries(texts)) {
          const parsed = await parseText(text, format as keyof typeof texts, format)
          expect(digest(parsed), format).toEqual(digest(document))
        }
      }),
      { numRuns: 100 },
    )
  })
})
