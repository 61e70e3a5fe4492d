import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { validateConfig } from 'switchover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ConfigApi } from '../examples/demo/config-api.js'
import { startServers, writeVersion1, writeVersion2, writeVersion3 } from '../examples/demo/versions.js'
import { type Answer, httpGet } from './support/http-get.js'

interface OpenApi {
  readonly paths: {
    readonly '/config': { readonly get: { readonly responses: Readonly<Record<string, unknown>> } }
  }
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

const contract = parse(
  readFileSync(fileURLToPath(new URL('../docs/config-api.yaml', import.meta.url)), 'utf8'),
) as OpenApi
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema({ $id: 'config-api', ...contract })
const isDocument = ajv.compile({ $ref: 'config-api#/components/schemas/Document' })

describe("the demo's config API, held against docs/config-api.yaml", () => {
  const api = new ConfigApi()
  let servers: Awaited<ReturnType<typeof startServers>>
  const ask = (query: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    httpGet({ port: Number(new URL(api.url).port), path: `/config${query}`, headers })

  beforeAll(async () => {
    await api.start()
    servers = await startServers()
    writeVersion1(api, servers)
    writeVersion2(api, servers)
    writeVersion3(api, servers)
  })

  afterAll(async () => {
    await Promise.all([api, ...Object.values(servers)].map((part) => part.close()))
  })

  it.each(['v1', 'v2', 'v3'])('answers for %s with a document of the schema', async (version) => {
    const { status, headers, body } = await ask(`?prefix=${encodeURIComponent(`/traefik/dev/${version}`)}`)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('application/json')
    expect(isDocument(JSON.parse(body)), JSON.stringify(isDocument.errors)).toBe(true)
    expect(JSON.parse(body).prefix).toBe(headers['x-config-prefix'])
  })

  it('answers 304 to its own ETag, 404 for a prefix that has nothing, and no status that the contract lacks', async () => {
    const query = '?prefix=%2Ftraefik%2Fdev%2Fv1'
    const { headers } = await ask(query)
    expect((await ask(query, { 'if-none-match': String(headers.etag) })).status).toBe(304)
    expect((await ask('?prefix=%2Fnothing')).status).toBe(404)
    const listed = Object.keys(contract.paths['/config'].get.responses)
    for (const status of ['200', '304', '404']) expect(listed).toContain(status)
  })
})

describe('the schema of docs/config-api.yaml and validateConfig', () => {
  const document = (frontend: object, server: object = {}): unknown => ({
    frontends: { f: { backend: 'b', rule: 'Host:a.test', ...frontend } },
    backends: { b: { servers: { s: { url: 'http://127.0.0.1:1', ...server } } } },
  })

  it.each([
    ['a plain document', document({}), true],
    [
      'every field',
      document({ priority: 3, entryPoints: ['http'], passHostHeader: false }, { weight: 0 }),
      true,
    ],
    ['an unknown field', document({ prioritty: 3 }), false],
    ['both forms of rule', document({ routes: { main: { rule: 'Host:a.test' } } }), false],
    ['a negative weight', document({}, { weight: -1 }), false],
    ['a URL of another scheme', document({}, { url: 'ftp://127.0.0.1' }), false],
    ['a priority that is no number', document({ priority: 'high' }), false],
    ['no backends', { frontends: {} }, false],
  ])('agree on %s', (_what, value, good) => {
    expect(isDocument(value)).toBe(good)
    expect(validateConfig(value).ok).toBe(good)
  })
})
