import { describe, expect, it } from 'vitest'
import { documentOfFile } from '../../src/providers/file/merge-files.js'
import { documentsOfDump } from '../../src/providers/traefik-dump.js'

/** As Traefik 1.7 prints it, defaults filled in. */
const DUMP = {
  docker: {
    backends: {
      'backend-shop': {
        servers: { s1: { url: 'http://172.17.0.2:80', weight: 1 } },
        loadBalancer: { method: 'wrr' },
      },
    },
    frontends: {
      'frontend-Host-shop-test-0': {
        entryPoints: ['http'],
        backend: 'backend-shop',
        routes: { 'route-frontend-Host-shop-test-0': { rule: 'Host:shop.test' } },
        passHostHeader: true,
        priority: 0,
        basicAuth: null,
      },
    },
  },
  file: { backends: { b: { servers: {} } }, frontends: {} },
}

describe('an answer of Traefik to GET /api/providers', () => {
  it('is one document of all providers', () => {
    expect(documentOfFile(DUMP, 'all.json')).toMatchObject({
      frontends: { 'frontend-Host-shop-test-0': { backend: 'backend-shop' } },
      backends: { 'backend-shop': {}, b: {} },
    })
  })

  it('may name a provider without anything', () => {
    expect(documentOfFile({ ...DUMP, rest: {} }, 'all.json')).toEqual(documentOfFile(DUMP, 'all.json'))
  })

  it('is refused where two providers have one name', () => {
    const twice = { ...DUMP, rest: { backends: { b: { servers: {} } } } }
    expect(() => documentOfFile(twice, 'all.json')).toThrow(
      expect.objectContaining({
        issues: [
          {
            path: 'backends.b',
            code: 'DUPLICATE_NAME',
            message: 'occurs in all.json (file) and in all.json (rest); expected one',
          },
        ],
      }),
    )
  })

  it.each([
    ['a document', { frontends: {}, backends: {} }],
    ['a document in another case', { Frontends: {}, Backends: {} }],
    ['a static configuration', { file: { filename: 'rules.toml' }, frontends: {} }],
    ['a provider without anything', { docker: {} }],
    ['nothing', {}],
    ['a list', []],
  ])('is not %s', (_what, parsed) => {
    expect(documentsOfDump(parsed)).toBeUndefined()
  })
})
