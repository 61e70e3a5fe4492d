import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, FileProvider, type ProviderConfig, validateConfig } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Field } from '../../src/base/field-kinds.js'
import { holdsSecret, isSecret, placedFields } from '../../src/base/schema.js'
import { DOCUMENT, SCHEMA_VERSION } from '../../src/validation/document-schema.js'
import { lineStream } from '../support/line-stream.js'
import { startNamed } from '../support/live-engine.js'
import { nextEvent } from '../support/next-event.js'
import { startSeen } from '../support/seen-proxy.js'

const SECRET = 'Bearer s3cr3t-of-the-health-check'

/** A document with a secret in each place where the schema has one. */
const documentWith = (url: string, secret: unknown = SECRET): ProviderConfig => ({
  frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
  backends: {
    pool: {
      servers: { one: { url } },
      healthCheck: { path: '/', headers: { Authorization: secret as string } },
    },
  },
})

/** The places of secrets: a text, or texts under names of the document's own. */
const PLACES = placedFields(DOCUMENT)
  .filter(({ field }) => isSecret(field))
  .map(({ path }) => path)

const PAGES = [
  '/api/providers',
  '/api/config',
  '/api/history',
  '/api/frontends',
  '/api/backends',
  '/api/traffic',
  '/api/explain?host=a.test&path=/',
  '/health',
  '/metrics',
  '/ready',
  '/dashboard/',
]

describe('a secret of a document', () => {
  // A new secret must be put into `documentWith`, so that these tests look for it.
  it('stands in the document of these tests, wherever there may be one', () => {
    expect(PLACES).toEqual(['backends.*.healthCheck.headers'])
  })

  it('is on no page, in no log and in no event', async () => {
    const { lines, stream } = lineStream()
    const logged: unknown[] = []
    const log = (...given: unknown[]) => logged.push(given)
    const { url } = await startNamed('one')
    const { proxy, provider, ask } = await startSeen(documentWith(url), {
      accessLog: { format: 'json', stream },
      logger: { debug: log, info: log, warn: log, error: log },
      logLevel: 'debug',
    })
    const rejected = nextEvent(proxy, 'configRejected')
    await provider.update({
      ...documentWith(url),
      frontends: { all: { backend: 'nowhere', rule: 'Host:a.test' } },
    })
    const changed = nextEvent(proxy, 'configChanged')
    await provider.update(documentWith(url, `${SECRET} changed`))
    const pages = await Promise.all(PAGES.map(async (path) => ({ path, ...(await ask(path)) })))

    expect(pages.filter(({ status }) => status !== 200)).toEqual([])
    expect(pages.filter(({ body }) => body.includes('s3cr3t')).map(({ path }) => path)).toEqual([])
    const told = [await rejected, await changed, proxy.state, logged, lines]
    expect(JSON.stringify(told)).not.toContain('s3cr3t')
  })

  it.each<[string, unknown]>([
    ['a list in its place', { ...documentWith('http://10.0.0.1', [SECRET]) }],
    ['a character that no header may have', documentWith('http://10.0.0.1', `${SECRET}\n`)],
    ['a text in place of the headers', withHealthCheck({ path: '/', headers: SECRET })],
    ['a text in place of the health check', withHealthCheck(SECRET)],
    ['a text in place of the backend', { frontends: {}, backends: { pool: SECRET } }],
    ['a text in place of the backends', { frontends: {}, backends: SECRET }],
  ])('is in no message: %s', (_what, document) => {
    const checked = validateConfig(document)
    expect(checked.ok).toBe(false)
    expect(JSON.stringify(checked)).not.toContain('s3cr3t')
  })

  it('is in no message of a file whose table of backends is a text', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'))
    const filename = join(folder, 'rules.json')
    await writeFile(filename, JSON.stringify({ frontends: {}, backends: `{"web":{"x":"${SECRET}"}}` }))
    const proxy = createProxy({ providers: [new FileProvider({ filename })] })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const rejected = nextEvent(proxy, 'configRejected')
    void proxy.start()
    expect((await rejected).error.message).toContain('backends: expected a table')
    expect((await rejected).error.message).not.toContain('s3cr3t')
  })

  it('is no number that a message shows', () => {
    const checked = validateConfig(documentWith('http://10.0.0.1', 4711_0815))
    expect(checked).toMatchObject({ issues: [{ message: 'expected a text, found a number' }] })
  })

  it('is known wherever it may stand', () => {
    const { backends, frontends, version } = DOCUMENT.fields
    expect([backends, frontends, version].map((field) => holdsSecret(field as Field))).toEqual([
      true,
      false,
      false,
    ])
  })
})

it('no field is newer than the schema', () => {
  const newer = placedFields(DOCUMENT).filter(
    ({ field }) => field.kind !== 'later' && (field.since ?? 1) > SCHEMA_VERSION,
  )
  expect(newer).toEqual([])
})

function withHealthCheck(healthCheck: unknown): unknown {
  const { frontends, backends } = documentWith('http://10.0.0.1')
  return { frontends, backends: { pool: { ...backends['pool'], healthCheck } } }
}
