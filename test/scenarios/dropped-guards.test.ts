import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AliasProvider,
  ConsulProvider,
  createProxy,
  EtcdPrefixFetcher,
  EtcdProvider,
  FileProvider,
  HttpProvider,
  InMemoryAliasSource,
  LastGoodFile,
  type Logger,
  type Provider,
  type ProviderConfig,
  ProxyEngine,
  type ProxyError,
  type ProxyOptions,
  StaticProvider,
  type UnsupportedFields,
} from 'switchover'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { ConsulServer } from '../support/consul-server.js'
import { keysOf, putAll } from '../support/etcd-keys.js'
import { EtcdServer } from '../support/etcd-server.js'
import { httpGet } from '../support/http-get.js'
import { eventually, nextEvent } from '../support/next-event.js'

const GUARD = { basic: { users: ['alice:$apr1$x$y'] } }
const BY_PATH: UnsupportedFields = { warn: ['frontends.*.auth'] }
const PATH = 'frontends.web.auth'

let server: NamedServer
let etcd: EtcdServer
let places = 0
/** Warnings of the process about guards. */
let told: (Error & { code?: string })[] = []

beforeAll(async () => {
  server = await NamedServer.start('served')
  etcd = await EtcdServer.start()
})
afterAll(() => Promise.all([server.close(), etcd.stop()]))
beforeEach(() => {
  told = []
  const note = (warning: Error) => {
    if (warning.name === 'SwitchoverGuardWarning') told.push(warning)
  }
  process.on('warning', note)
  return () => process.off('warning', note)
})

function document(more: object = { auth: GUARD }): ProviderConfig {
  const web = { backend: 'web', rule: 'PathPrefix:/', ...more }
  return { frontends: { web }, backends: { web: { servers: { one: { url: server.url } } } } }
}

const open = () => document({})

/** The same, as a store has it. */
function keys(prefix: string): Readonly<Record<string, string>> {
  const plain = open()
  const { rule, ...rest } = plain.frontends['web'] as ProviderConfig['frontends'][string]
  const routes = { main: { rule: rule as string } }
  const all = keysOf({ ...plain, frontends: { web: { ...rest, routes } } }, prefix)
  return { ...all, [`${prefix}/frontends/web/Auth/basic/users/0`]: 'alice:x' }
}

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'dropped-guards-'))
}

/** Every way for a document to come in. */
const WAYS: Readonly<Record<string, () => Promise<Pick<ProxyOptions, 'providers' | 'config'>>>> = {
  config: async () => ({ config: document() }),
  StaticProvider: async () => ({ providers: [new StaticProvider({ config: document() })] }),
  'FileProvider, TOML, in capitals': async () => {
    const filename = join(await folder(), 'rules.toml')
    const text = `[backends.web.servers.one]\nurl = "${server.url}"\n[frontends.web]\nbackend = "web"\nrule = "PathPrefix:/"\n[frontends.web.AUTH.basic]\nusers = ["a:b"]\n`
    await writeFile(filename, text)
    return { providers: [new FileProvider({ filename })] }
  },
  'FileProvider, YAML': async () => {
    const filename = join(await folder(), 'rules.yaml')
    await writeFile(filename, JSON.stringify(document()))
    return { providers: [new FileProvider({ filename })] }
  },
  HttpProvider: async () => {
    const source: Server = createServer((_req, res) => {
      res.setHeader('Content-Type', 'application/json')
      res.end(JSON.stringify(document()))
    })
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void source.close())
    const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/`
    return { providers: [new HttpProvider({ url, pollIntervalMs: 50 })] }
  },
  'AliasProvider and a fetcher': async () => {
    const fetcher = { fetch: async (prefix: string) => ({ ...document(), prefix }) }
    return { providers: [new AliasProvider({ source: new InMemoryAliasSource('/v1'), fetcher })] }
  },
  EtcdProvider: async () => {
    const prefix = `/guards-${++places}`
    await putAll(etcd, keys(prefix))
    return { providers: [new EtcdProvider({ hosts: etcd.url, prefix })] }
  },
  'AliasProvider and EtcdPrefixFetcher': async () => {
    const prefix = `/guards-${++places}`
    await putAll(etcd, keys(prefix))
    const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url })
    return { providers: [new AliasProvider({ source: new InMemoryAliasSource(prefix), fetcher })] }
  },
  ConsulProvider: async () => {
    const consul = await ConsulServer.start()
    onTestFinished(() => consul[Symbol.asyncDispose]())
    for (const [key, value] of Object.entries(keys('traefik'))) consul.put(key, value)
    return { providers: [new ConsulProvider({ url: consul.url })] }
  },
}

async function start(options: ProxyOptions) {
  const proxy = createProxy({ status: { address: '127.0.0.1:0' }, ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, port }
}

async function statusOf(proxy: { statusAddress(): Promise<{ port: number }> }) {
  const { port } = await proxy.statusAddress()
  const json = async (path: string) => JSON.parse((await httpGet({ port, path })).body)
  const metrics = (await httpGet({ port, path: '/metrics' })).body
  return { config: await json('/api/config'), history: await json('/api/history'), metrics }
}

describe.each(Object.keys(WAYS))('a document with a guard that comes by %s', (way) => {
  const make = WAYS[way] as (typeof WAYS)[string]

  it.each<[string, UnsupportedFields | undefined]>([
    ['by default', undefined],
    ['with "warn"', 'warn'],
    ['with "*"', { warn: ['*'] }],
    ['with the path of another', { warn: ['frontends.other.auth', 'frontends.*.redirect', 'tls'] }],
  ])('is refused %s, and nothing is served', async (_how, unsupportedFields) => {
    const given = { ...(await make()), ...(unsupportedFields !== undefined && { unsupportedFields }) }
    if (way === 'config') {
      expect(() => createProxy(given)).toThrow(expect.objectContaining({ code: 'PROXY_CONFIG_INVALID' }))
      return
    }
    const { proxy, port } = await start(given)
    const { error } = await nextEvent(proxy, 'configRejected')
    expect(error.issues).toMatchObject([{ path: PATH, code: 'NOT_SUPPORTED' }])
    expect(error.message).toContain(`unsupportedFields.warn names its path, "${PATH}"`)
    expect((await httpGet({ port })).status).toBe(503)
    expect(told).toEqual([])
  })

  it('is served by its path, and told on every way', async () => {
    const { proxy, port } = await start({ ...(await make()), unsupportedFields: BY_PATH, logLevel: 'off' })
    const { warnings, provider } = await nextEvent(proxy, 'configChanged')
    expect((await httpGet({ port })).status).toBe(200)
    expect(warnings).toMatchObject([{ path: PATH, code: 'GUARD_DROPPED' }])
    await eventually(() => told.length > 0, 'a warning of the process')
    expect(told).toMatchObject([{ code: 'SWITCHOVER_GUARD_DROPPED' }])
    expect(told[0]?.message).toContain(`the configuration of ${provider} is live without its guards: ${PATH}`)
    expect(proxy.state.providers).toMatchObject([{ provider, droppedGuards: [PATH] }])
    const status = await statusOf(proxy)
    expect(status.config.providers).toMatchObject([{ droppedGuards: { count: 1, names: [PATH] } }])
    expect(status.history.entries[0].warnings).toMatchObject([{ path: PATH, code: 'GUARD_DROPPED' }])
    expect(status.metrics).toContain(`switchover_dropped_guards{provider="${provider}"} 1`)
  })
})

describe('a document with a guard that ProxyEngine.apply is given', () => {
  it('is refused, or served by its path with a warning of the process', async () => {
    const refusing = new ProxyEngine({ unsupportedFields: 'warn' })
    onTestFinished(() => refusing.close())
    await expect(refusing.apply(document())).rejects.toMatchObject({
      code: 'PROXY_CONFIG_INVALID',
      issues: [{ path: PATH, code: 'NOT_SUPPORTED' }],
    })
    const engine = new ProxyEngine({ unsupportedFields: BY_PATH })
    onTestFinished(() => engine.close())
    await engine.apply(document())
    await eventually(() => told.length > 0, 'a warning of the process')
    expect(() => new ProxyEngine({ unsupportedFields: { warn: ['x'] } })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
    )
  })
})

describe('repeated deliveries', () => {
  it('tell a set of guards once, and each other set', async () => {
    const first = new StaticProvider({ name: 'first', config: document() })
    const plain = { ...open(), frontends: {} }
    const second = new StaticProvider({ name: 'second', config: plain })
    const lines: string[] = []
    const line = (_fields: object, message: string) => void lines.push(message)
    const logger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: line }
    const { proxy } = await start({
      providers: [first, second],
      unsupportedFields: BY_PATH,
      logger,
      logLevel: 'error',
    })
    await proxy.ready()
    const count = async (expected: number) => {
      await eventually(() => told.length >= expected, `${expected} are told`)
      expect(told).toHaveLength(expected)
      expect(lines.filter((text) => text.includes('without its guards'))).toHaveLength(expected)
    }
    await count(1)
    for (let priority = 1; priority <= 5; priority += 1)
      await first.update(document({ auth: GUARD, priority }))
    await count(1)
    const { generation } = proxy.state
    await second.update(document())
    await count(2)
    expect(proxy.state.generation).toBeGreaterThan(generation)
    expect(proxy.state.providers).toMatchObject([{ droppedGuards: [PATH] }, { droppedGuards: [PATH] }])
    await second.update(open())
    expect(proxy.state.providers[1]).not.toHaveProperty('droppedGuards')
    await second.update(document())
    await count(2)
    expect(proxy.state.providers[1]).toMatchObject({ droppedGuards: [PATH] })
  })

  it('of the same content with a guard that is new are a switch of their own', async () => {
    const provider = new StaticProvider({ config: open() })
    const { proxy } = await start({ providers: [provider], unsupportedFields: BY_PATH })
    await proxy.ready()
    expect(told).toEqual([])
    const changed = nextEvent(proxy, 'configChanged')
    await provider.update(document())
    expect(await changed).toMatchObject({
      generation: 2,
      changes: { frontends: { added: [], removed: [], changed: [] } },
      warnings: [{ path: PATH, code: 'GUARD_DROPPED' }],
    })
    await eventually(() => told.length === 1, 'it is told')
    expect((await provider.update(document()))?.state).toBe('live')
    expect(proxy.state.generation).toBe(2)
  })
})

describe('the last good file', () => {
  const failing = (): Provider => ({
    name: 'static',
    start: async (sink) => sink.unavailable(new Error('down')),
    stop: async () => {},
  })
  const kept = (path: string) => new LastGoodFile(path, { startGraceMs: 1 })

  it('does not forget what was dropped: another start refuses it, or tells of it again', async () => {
    const path = join(await folder(), 'last-good.json')
    const first = await start({ config: document(), unsupportedFields: BY_PATH, lastGood: kept(path) })
    await first.proxy.ready()
    await first.proxy.close()
    told = []

    const strict = await start({ providers: [failing()], lastGood: kept(path) })
    const { error } = await nextEvent(strict.proxy, 'configRejected')
    expect((error as ProxyError).issues).toMatchObject([{ path: PATH, code: 'NOT_SUPPORTED' }])
    expect((await httpGet({ port: strict.port })).status).toBe(503)
    expect(told).toEqual([])

    const named = await start({
      providers: [failing()],
      unsupportedFields: BY_PATH,
      lastGood: kept(path),
    })
    await named.proxy.ready()
    expect((await httpGet({ port: named.port })).status).toBe(200)
    await eventually(() => told.length === 1, 'it is told again')
    expect(named.proxy.state.providers).toMatchObject([{ droppedGuards: [PATH] }])
  })
})

it('what served goes on serving when a guard comes that is not named', async () => {
  const filename = join(await folder(), 'rules.json')
  await writeFile(filename, JSON.stringify(open()))
  const provider = new FileProvider({ filename })
  const { proxy, port } = await start({ providers: [provider], unsupportedFields: 'warn' })
  await proxy.ready()
  const refused = nextEvent(proxy, 'configRejected')
  await writeFile(`${filename}.new`, JSON.stringify(document()))
  await rename(`${filename}.new`, filename)
  await refused
  expect((await httpGet({ port })).status).toBe(200)
  expect(proxy.state.generation).toBe(1)
})
