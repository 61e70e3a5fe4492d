import { createProxy, type ProviderConfig, RuleMatcher, StaticProvider, validateConfig } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { withFieldCase } from '../../src/validation/with-field-case.js'
import { factsOf } from '../support/facts-of.js'
import { httpGet } from '../support/http-get.js'
import { lineStream } from '../support/line-stream.js'
import { startNamed, startServer } from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually, nextEvent } from '../support/next-event.js'

const LABELS = { frontend: { team: 'search' }, backend: { tier: 'gold' }, server: { rack: 'r1' } }

function documentOf(url: string, metadata: Record<string, string> = { ticket: 'OPS-1' }): ProviderConfig {
  return {
    metadata,
    frontends: { all: { backend: 'pool', rule: 'SameTeam:yes', metadata: LABELS.frontend } },
    backends: {
      pool: {
        servers: { one: { url, metadata: LABELS.server } },
        loadBalancer: { method: 'byRack' },
        metadata: LABELS.backend,
      },
    },
  }
}

/** A proxy on a document with labels, and everything that its host was told of them. */
async function start(url: string) {
  const provider = new StaticProvider({ config: documentOf(url) })
  const told: Record<string, unknown> = {}
  const { lines, stream } = lineStream()
  const logged: object[] = []
  const log = (fields: object) => logged.push(fields)
  const proxy = createProxy({
    providers: [provider],
    matchers: {
      SameTeam: (_values, { metadata }) => {
        told['matcher'] = metadata
        return ({ headers }) => headers['x-team'] === metadata['team']
      },
    },
    strategies: {
      byRack: (servers, _options, { metadata }) => {
        told['strategy'] = [metadata, servers.map((server) => server.metadata)]
        return () => servers[0]
      },
    },
    onRequest: ({ metadata }) => {
      told['onRequest'] = metadata
    },
    onResponse: ({ metadata }) => {
      told['onResponse'] = metadata
    },
    logger: { debug: log, info: log, warn: log, error: log },
    accessLog: { format: 'json', stream },
    status: {},
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const changed = nextEvent(proxy, 'configChanged')
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, provider, port, told, lines, logged, changed: await changed }
}

describe('metadata', () => {
  it('is shown to matchers, strategies, hooks, events, logs and the state', async () => {
    const { proxy, port, told, lines, logged, changed } = await start((await startNamed('one')).url)
    const finished = nextEvent(proxy, 'requestFinished')
    const headers = { 'X-Team': 'search' }
    expect(await httpGet({ port, headers })).toMatchObject({ status: 200 })

    expect(told).toEqual({
      matcher: LABELS.frontend,
      strategy: [LABELS.backend, [LABELS.server]],
      onRequest: LABELS,
      onResponse: LABELS,
    })
    expect(await finished).toMatchObject({ metadata: LABELS })
    expect(changed).toMatchObject({ metadata: { ticket: 'OPS-1' } })
    expect(logged[0]).toMatchObject({ generation: 1, metadata: { ticket: 'OPS-1' } })
    expect(proxy.state.providers).toMatchObject([{ metadata: { ticket: 'OPS-1' } }])
    await eventually(() => lines.length > 0, 'a line of the access log')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      FrontendMetadata: LABELS.frontend,
      BackendMetadata: LABELS.backend,
      ServerMetadata: LABELS.server,
    })
  })

  it('decides nothing by itself: a matcher of the host reads it', async () => {
    const { port } = await start((await startNamed('one')).url)
    expect(await httpGet({ port, headers: { 'X-Team': 'other' } })).toMatchObject({ status: 404 })
  })

  it('is on the pages of the status server', async () => {
    const { proxy } = await start((await startNamed('one')).url)
    const server = await startServer((req, res) => void proxy.statusHandler(req, res))
    const read = async (path: string) => JSON.parse((await httpGet({ port: server.port, path })).body)

    expect((await read('/api/config')).providers).toMatchObject([{ metadata: { ticket: 'OPS-1' } }])
    expect((await read('/api/history')).entries).toMatchObject([{ metadata: { ticket: 'OPS-1' } }])
    expect((await read('/api/frontends')).entries).toMatchObject([{ metadata: LABELS.frontend }])
    expect((await read('/api/backends')).entries).toMatchObject([
      { metadata: LABELS.backend, servers: [{ metadata: LABELS.server }] },
    ])
    expect(await read('/api/providers')).toMatchObject({
      static: {
        frontends: { all: { metadata: LABELS.frontend } },
        backends: { pool: { metadata: LABELS.backend, servers: { one: { metadata: LABELS.server } } } },
      },
    })
  })

  it('of a server is told when the server goes down', async () => {
    const { proxy, provider } = await start((await startNamed('one')).url)
    const down = nextEvent(proxy, 'serverDown')
    const { frontends, backends } = documentOf(await refusingUrl())
    const pool = { servers: {}, ...backends['pool'], healthCheck: { scheme: 'tcp' } as const }
    await provider.update({ frontends, backends: { pool } })
    expect(await down).toMatchObject({ metadata: { backend: LABELS.backend, server: LABELS.server } })
  })

  it('of the document is content: new labels alone are a switch, equal ones are none', async () => {
    const { url } = await startNamed('one')
    const { proxy, provider } = await start(url)
    expect(await provider.update(documentOf(url))).toEqual({ state: 'live', generation: 1 })
    const changed = nextEvent(proxy, 'configChanged')
    await provider.update(documentOf(url, { ticket: 'OPS-2' }))
    expect(await changed).toMatchObject({ generation: 2, metadata: { ticket: 'OPS-2' } })
    expect(proxy.state.providers).toMatchObject([{ metadata: { ticket: 'OPS-2' } }])
  })

  it('of a frontend reaches its matchers when a document is checked, and a rule that is compiled alone', () => {
    const needsTeam = {
      SameTeam: (_: readonly string[], { metadata }: { metadata: object }) => {
        if (!('team' in metadata)) throw new Error('expected a frontend with the label team')
        return () => true
      },
    }
    const document = documentOf('http://10.0.0.1')
    const strategies = { byRack: () => () => undefined }
    expect(validateConfig(document, { matchers: needsTeam, strategies })).toMatchObject({ ok: true })
    const bare = { ...document, frontends: { all: { backend: 'pool', rule: 'SameTeam:yes' } } }
    expect(validateConfig(bare, { matchers: needsTeam, strategies })).toMatchObject({
      ok: false,
      issues: [{ path: 'frontends.all.rule', message: expect.stringContaining('the label team') }],
    })
    const rule = new RuleMatcher('SameTeam:yes', { matchers: needsTeam, metadata: { team: 'a' } })
    expect(rule.matches(factsOf())).toBe(true)
  })

  it('cannot be changed by code of the host', () => {
    const checked = validateConfig(documentOf('http://10.0.0.1'), {
      strategies: { byRack: () => () => undefined },
      matchers: { SameTeam: () => () => true },
    })
    const metadata = checked.ok ? checked.config.metadata : undefined
    expect(() => Object.assign(metadata ?? {}, { ticket: 'changed' })).toThrow(TypeError)
  })

  it('has each label once: two in two spellings of the table are refused by their path', () => {
    const twice = withFieldCase({ frontends: {}, backends: {}, metadata: { a: '1' }, Metadata: { a: '2' } })
    expect(validateConfig(twice)).toMatchObject({ issues: [{ path: 'metadata.a', code: 'DUPLICATE_NAME' }] })
  })

  it.each([
    ['a list', ['team'], 'metadata: expected an object with names as keys, found a list'],
    ['a number', { build: 42 }, 'metadata.build: expected a text, found number 42'],
    [
      'more than 64 labels',
      Object.fromEntries(Array.from({ length: 65 }, (_, nth) => [`l${nth}`, 'x'])),
      'metadata: expected at most 64 names, found 65',
    ],
    ['a long text', { note: 'x'.repeat(1025) }, 'metadata.note: '],
  ])('is texts by names: %s is refused by its path', (_kind, metadata, message) => {
    const document = { ...documentOf('http://10.0.0.1'), metadata }
    const checked = validateConfig(document, {
      strategies: { byRack: () => () => undefined },
      matchers: { SameTeam: () => () => true },
    })
    const issues = checked.ok ? [] : checked.issues.map((issue) => `${issue.path}: ${issue.message}`)
    expect(issues).toEqual([expect.stringContaining(message)])
  })
})
