import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  AliasProvider,
  ConsulProvider,
  createProxy,
  EtcdPrefixFetcher,
  EtcdProvider,
  InMemoryAliasSource,
  type Provider,
} from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { captured } from '../support/captured-command.js'
import { ConsulServer } from '../support/consul-server.js'
import { keysOf, putAll } from '../support/etcd-keys.js'
import { EtcdServer } from '../support/etcd-server.js'
import { httpGet } from '../support/http-get.js'
import { nextEvent } from '../support/next-event.js'

let etcd: EtcdServer
let consul: ConsulServer
let server: Server
let places = 0

beforeAll(async () => {
  etcd = await EtcdServer.start()
  consul = await ConsulServer.start()
  server = createServer((_req, res) => res.end('served'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.close()
  await Promise.all([etcd.stop(), consul[Symbol.asyncDispose]()])
})

interface Store {
  readonly prefix: string
  readonly provider: Provider
  put(key: string, value: string): Promise<unknown>
  delete(key: string): Promise<unknown>
  /** What `etcdctl get --prefix --write-out=json` or `consul kv export` prints. */
  exported(keys: Readonly<Record<string, string>>): string
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const ofEtcd = (keys: Readonly<Record<string, string>>) =>
  JSON.stringify({
    header: { revision: 1 },
    kvs: Object.entries(keys).map(([key, value]) => ({ key: base64(key), value: base64(value), version: 1 })),
    count: 1,
  })

const STORES: Readonly<Record<string, (prefix: string) => Promise<Store>>> = {
  EtcdProvider: async (prefix) => ({
    prefix,
    provider: new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 10 }),
    put: (key, value) => etcd.put(`${prefix}/${key}`, value),
    delete: (key) => etcd.delete(`${prefix}/${key}`),
    exported: ofEtcd,
  }),
  'EtcdProvider behind an alias, with followTarget': async (prefix) => {
    await etcd.put(`${prefix}-alias`, prefix)
    const options = { aliasKey: `${prefix}-alias`, followTarget: true, debounceMs: 10 }
    return {
      prefix,
      provider: new EtcdProvider({ hosts: etcd.url, prefix: `${prefix}-other`, ...options }),
      put: (key, value) => etcd.put(`${prefix}/${key}`, value),
      delete: (key) => etcd.delete(`${prefix}/${key}`),
      exported: ofEtcd,
    }
  },
  'AliasProvider and EtcdPrefixFetcher': async (prefix) => {
    const source = new InMemoryAliasSource(prefix)
    const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url })
    const again = async (writing: Promise<unknown>) => {
      await writing
      source.set(prefix)
    }
    return {
      prefix,
      provider: new AliasProvider({ source, fetcher }),
      put: (key, value) => again(etcd.put(`${prefix}/${key}`, value)),
      delete: (key) => again(etcd.delete(`${prefix}/${key}`)),
      exported: ofEtcd,
    }
  },
  ConsulProvider: async (slashed) => {
    const prefix = slashed.slice(1)
    return {
      prefix,
      provider: new ConsulProvider({ url: consul.url, prefix, debounceMs: 10, waitMs: 100 }),
      put: async (key, value) => consul.put(`${prefix}/${key}`, value),
      delete: async (key) => consul.delete(`${prefix}/${key}`),
      exported: (keys) =>
        JSON.stringify(Object.entries(keys).map(([key, value]) => ({ key, flags: 0, value: base64(value) }))),
    }
  },
}

function documentKeys(prefix: string): Readonly<Record<string, string>> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return keysOf(
    {
      frontends: { web: { backend: 'web', routes: { main: { rule: 'PathPrefix:/' } } } },
      backends: { web: { servers: { one: { url } } } },
    },
    prefix,
  )
}

async function open(way: string, statics: Readonly<Record<string, string>>) {
  const store = await (STORES[way] as (typeof STORES)[string])(`/statics-${++places}`)
  const keys = documentKeys(store.prefix)
  if (way === 'ConsulProvider') for (const [key, value] of Object.entries(keys)) consul.put(key, value)
  else await putAll(etcd, keys)
  for (const [key, value] of Object.entries(statics)) await store.put(key, value)
  const proxy = createProxy({ providers: [store.provider], unsupportedFields: { warn: ['*', 'tls'] } })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return { store, proxy }
}

describe.each(Object.keys(STORES))('static configuration that stands in a store, read by %s', (way) => {
  it.each([
    ['entrypoints/http/auth/basic/users/0', 'alice:$apr1$x$y', 'entryPoints.http.auth'],
    ['EntryPoints/http/WhiteList/SourceRange/0', '10.0.0.0/8', 'entryPoints.http.whiteList.sourceRange'],
    ['entrypoints/http/redirect/entrypoint', 'https', 'entryPoints.http.redirect'],
    ['entrypoints/https/tls/certificates/0/certfile', 'a.crt', 'entryPoints.https.tls'],
    ['web/auth/basic/users/0', 'a:b', 'web.auth'],
  ])(
    'refuses the document where it guards: %s; convert writes it into a traefik.toml',
    async (key, value, path) => {
      const { store, proxy } = await open(way, { [key]: value })
      const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
      const { error } = await nextEvent(proxy, 'configRejected')
      expect(error).toMatchObject({ code: 'PROXY_CONFIG_INVALID', issues: [{ path, code: 'NOT_SUPPORTED' }] })
      expect(error.message).toContain('"switchover convert" writes it into a traefik.toml')
      expect(error.message).not.toContain(value)
      expect((await httpGet({ port })).status).toBe(503)
      // What the message says is true.
      const words = ['convert', '--format', 'keys', '--prefix', store.prefix, '-']
      const stdin = store.exported({ ...documentKeys(store.prefix), [`${store.prefix}/${key}`]: value })
      const { exitCode, stdout } = await captured(words, { stdin })
      expect(exitCode).toBe(0)
      expect(stdout).toContain(value)
      const { issues } = await issuesOf(stdout)
      // A file may have a white list of an entry point. The other guards are refused there too.
      expect(issues.some((issue) => issue.path === path)).toBe(!path.endsWith('.whiteList.sourceRange'))
      // Once it is gone from the store, the document serves.
      const live = nextEvent(proxy, 'configChanged')
      await store.delete(key)
      await live
      expect((await httpGet({ port })).body).toBe('served')
      // And what serves goes on when it comes back.
      const refused = nextEvent(proxy, 'configRejected')
      await store.put(key, value)
      await refused
      expect((await httpGet({ port })).body).toBe('served')
    },
  )

  it('warns of the rest, once for each', async () => {
    const statics = {
      loglevel: 'DEBUG',
      providersthrottleduration: '2s',
      'entrypoints/http/address': ':80',
      'retry/attempts': '2',
    }
    const { store, proxy } = await open(way, statics)
    const changed = nextEvent(proxy, 'configChanged')
    await proxy.ready()
    const prefix = `/${store.prefix.replace(/^\//, '')}`
    const { warnings } = await changed
    expect(warnings.map(({ path, code }) => `${code} ${path}`).sort()).toEqual(
      ['entrypoints', 'loglevel', 'providersthrottleduration', 'retry'].map(
        (name) => `NOT_SUPPORTED ${prefix}/${name}`,
      ),
    )
  })
})

/** What is wrong with a traefik.toml. */
async function issuesOf(text: string) {
  const { inspectStaticConfig } = await import('../../src/static-config/read-static-config.js')
  return inspectStaticConfig({ text })
}
