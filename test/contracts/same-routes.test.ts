import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify as tomlOf } from 'smol-toml'
import {
  ApiConfigFetcher,
  ConsulProvider,
  createProxy,
  EtcdAliasProvider,
  EtcdPrefixFetcher,
  EtcdProvider,
  FileProvider,
  HttpProvider,
  type Provider,
  type ProviderConfig,
  StaticProvider,
} from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify as yamlOf } from 'yaml'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { NamedServer } from '../../examples/demo/named-server.js'
import { testConsul } from '../support/consul.js'
import { keysOf, putAll } from '../support/etcd-keys.js'
import { EtcdServer } from '../support/etcd-server.js'
import { httpGet } from '../support/http-get.js'

const NAMES = ['.57:9111', '.56:9110', '.58:9110', '.57:9112'] as const
const servers = new Map<string, NamedServer>()
let etcd: EtcdServer
let table: ProviderConfig

const urlOf = (name: (typeof NAMES)[number]) => (servers.get(name) as NamedServer).url

/** The starting page's, with all that a document can say beside it. Its ranges are loopback ones. */
function routingTable(): ProviderConfig {
  const route = (rule: string) => ({ main: { rule } })
  return {
    backends: {
      'baidu-a': { servers: { s57: { url: urlOf('.57:9111'), weight: 1 } } },
      'baidu-b': { servers: { s56: { url: `${urlOf('.56:9110')}/base`, weight: 1 } } },
      map: {
        // In the order of their names, in which a store of keys gives them: turns begin with the first.
        servers: { s57: { url: urlOf('.57:9112'), weight: 1 }, s58: { url: urlOf('.58:9110'), weight: 3 } },
        loadBalancer: { method: 'wrr' },
      },
    },
    frontends: {
      'range-1': { backend: 'baidu-a', routes: route('Host:www.baidu.com;ClientIP:127.0.1.0/24') },
      'range-2': { backend: 'baidu-b', routes: route('Host:www.baidu.com;ClientIP:127.0.2.0/24') },
      map: { backend: 'map', routes: route('Host:map.baidu.com') },
      v3: {
        backend: 'baidu-a',
        routes: route('Host(`v3.baidu.com`) && PathPrefix(`/a`)'),
        passHostHeader: false,
      },
      two: {
        backend: 'baidu-b',
        routes: { host: { rule: 'Host:two.baidu.com' }, path: { rule: 'PathPrefix:/x' } },
      },
      first: { backend: 'baidu-a', routes: route('Host:rank.baidu.com'), priority: 100 },
      last: { backend: 'baidu-b', routes: route('Host:rank.baidu.com;PathPrefix:/long/enough'), priority: 1 },
      inner: { backend: 'baidu-a', routes: route('Host:inner.baidu.com'), entryPoints: ['inner', 'other'] },
      guarded: {
        backend: 'baidu-a',
        routes: route('Host:guarded.baidu.com'),
        whiteList: { sourceRange: ['127.0.1.0/24', '127.0.9.9'], useXForwardedFor: true },
      },
    },
  }
}

const REQUESTS = ['www', 'map', 'v3', 'two', 'rank', 'inner', 'guarded', 'nobody'].flatMap((name) =>
  ['/', '/a/b', '/x', '/long/enough'].flatMap((path) =>
    ['127.0.1.7', '127.0.2.7', '127.0.9.9'].map((from) => ({ host: `${name}.baidu.com`, path, from })),
  ),
)

/** What each request comes to, and what `explain` says of it. */
async function outcomes(provider: Provider): Promise<readonly unknown[]> {
  const proxy = createProxy({ providers: [provider] })
  onTestFinished(() => proxy.close())
  const [outer, inner] = [
    await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint: 'outer' }),
    await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint: 'inner' }),
  ]
  await proxy.ready({ timeoutMs: 30_000 })
  const all: unknown[] = []
  const own = (name: string) => name.replace(`@${provider.name}`, '')
  for (const { host, path, from } of REQUESTS) {
    for (const [entryPoint, { port }] of [['outer', outer] as const, ['inner', inner] as const]) {
      const { status, body } = await httpGet({ port, host, path, from })
      const { winner, servers: found } = proxy.explain({ host, path, clientAddress: from, entryPoint })
      const behind = found.map(({ name, url, weight }) => ({ name, url, weight }))
      all.push({ entryPoint, host, path, from, status, body, winner: winner && own(winner.frontend), behind })
    }
  }
  return all
}

beforeAll(async () => {
  etcd = await EtcdServer.start()
  for (const name of NAMES) servers.set(name, await NamedServer.start(name))
  table = routingTable()
})
afterAll(async () => {
  for (const server of servers.values()) await server.close()
  await etcd?.stop()
})

async function fileOf(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'same-routes-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, name), text)
  return join(folder, name)
}

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'same-routes-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

async function apiOf(prefix: string): Promise<string> {
  const api = await new ConfigApi().start()
  onTestFinished(() => api.close())
  for (const [name, backend] of Object.entries(table.backends)) api.putBackend(prefix, name, backend)
  for (const [name, frontend] of Object.entries(table.frontends)) api.putFrontend(prefix, name, frontend)
  return api.url
}

async function urlOfDocument(): Promise<string> {
  const server = createServer((_req, res) => res.end(yamlOf(table)))
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/routes.yaml`
}

async function consulWith(prefix: string, alias?: string): Promise<{ url: string; token?: string }> {
  const consul = await testConsul()
  onTestFinished(() => consul[Symbol.asyncDispose]())
  for (const [key, value] of Object.entries(keysOf(table, prefix))) await consul.put(key, value)
  if (alias !== undefined) await consul.put(alias, prefix)
  return { url: consul.url, ...(consul.token !== undefined && { token: consul.token }) }
}

const PROVIDERS: Readonly<Record<string, () => Promise<Provider>>> = {
  'a TOML file': async () => new FileProvider({ filename: await fileOf('rules.toml', tomlOf(table)) }),
  'a YAML file': async () => new FileProvider({ filename: await fileOf('rules.yaml', yamlOf(table)) }),
  'a JSON file': async () =>
    new FileProvider({ filename: await fileOf('rules.json', JSON.stringify(table)) }),
  'a folder': async () => {
    const files = {
      'a.toml': tomlOf({ backends: table.backends }),
      'b.json': JSON.stringify({ frontends: table.frontends }),
    }
    return new FileProvider({ directory: await folderOf(files) })
  },
  'keys in etcd': async () => {
    await putAll(etcd, keysOf(table, '/plain'))
    return new EtcdProvider({ hosts: etcd.url, prefix: '/plain' })
  },
  'keys in etcd, by an alias': async () => {
    await putAll(etcd, keysOf(table, '/aliased/v7'))
    await etcd.put('/aliased/alias', '/aliased/v7')
    return new EtcdProvider({ hosts: etcd.url, prefix: '/aliased' })
  },
  'an alias in etcd and a config API': async () => {
    await etcd.put('/api/alias', '/api/v7')
    const fetcher = new ApiConfigFetcher({ url: await apiOf('/api/v7') })
    return new EtcdAliasProvider({ hosts: etcd.url, aliasKey: '/api/alias', fetcher })
  },
  'an alias in etcd and keys in etcd': async () => {
    await putAll(etcd, keysOf(table, '/fetched/v7'))
    await etcd.put('/fetched/alias', '/fetched/v7')
    const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url })
    return new EtcdAliasProvider({ hosts: etcd.url, aliasKey: '/fetched/alias', fetcher })
  },
  'keys in Consul': async () =>
    new ConsulProvider({ ...(await consulWith('same-plain')), prefix: 'same-plain' }),
  'keys in Consul, by an alias': async () =>
    new ConsulProvider({ ...(await consulWith('same/v7', 'same/alias')), prefix: 'same' }),
  'a URL': async () => new HttpProvider({ url: await urlOfDocument() }),
}

describe('one routing table', () => {
  it.each(Object.keys(PROVIDERS))(
    'is the same from %s as from the program itself',
    { timeout: 60_000 },
    async (what) => {
      const expected = await outcomes(new StaticProvider({ config: table }))
      const make = PROVIDERS[what] as () => Promise<Provider>
      expect(await outcomes(await make())).toEqual(expected)
    },
  )

  it('leads somewhere, nowhere, and to a refusal', async () => {
    const seen = new Set(
      (await outcomes(new StaticProvider({ config: table }))).map(
        (one) => (one as { status: number }).status,
      ),
    )
    expect([...seen].sort()).toEqual([200, 403, 404])
  })
})
