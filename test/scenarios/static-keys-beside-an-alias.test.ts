import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConsulProvider, createProxy, EtcdProvider, type Issue, type Provider } from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ConsulServer } from '../support/consul-server.js'
import { type Keys, keysOf, putAll } from '../support/etcd-keys.js'
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

/** Keys are written with a slash at their beginning, whatever the store. */
interface Store {
  provider(prefix: string, options?: { aliasKey?: string; followTarget?: boolean }): Provider
  put(key: string, value: string): Promise<unknown>
  delete(key: string): Promise<unknown>
}

const STORES: Readonly<Record<string, () => Store>> = {
  EtcdProvider: () => ({
    provider: (prefix, options) => new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 10, ...options }),
    put: (key, value) => etcd.put(key, value),
    delete: (key) => etcd.delete(key),
  }),
  'EtcdProvider, keys without a slash at their beginning': () => ({
    provider: (prefix, { aliasKey, ...options } = {}) =>
      new EtcdProvider({
        hosts: etcd.url,
        prefix: prefix.slice(1),
        debounceMs: 10,
        ...options,
        ...(aliasKey !== undefined && { aliasKey: aliasKey.slice(1) }),
      }),
    put: (key, value) => etcd.put(key.slice(1), value),
    delete: (key) => etcd.delete(key.slice(1)),
  }),
  ConsulProvider: () => ({
    provider: (prefix, options) =>
      new ConsulProvider({ url: consul.url, prefix, debounceMs: 10, waitMs: 200, ...options }),
    put: async (key, value) => consul.put(key.slice(1), value),
    delete: async (key) => consul.delete(key.slice(1)),
  }),
}

function documentKeys(prefix: string): Keys {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return keysOf(
    {
      frontends: { web: { backend: 'web', routes: { main: { rule: 'PathPrefix:/' } } } },
      backends: { web: { servers: { one: { url } } } },
    },
    prefix,
  )
}

interface Site {
  readonly statics?: Keys
  readonly folder?: string
  readonly aliasKey?: string
  readonly followTarget?: boolean
}

/** A version at `<prefix>/<folder>/v1`, which the alias names, and other keys below the prefix. */
async function open(way: string, { statics = {}, folder = 'dev', aliasKey, followTarget }: Site) {
  const store = (STORES[way] as () => Store)()
  const prefix = `/beside-${++places}`
  const alias = aliasKey === undefined ? `${prefix}/alias` : `${prefix}${aliasKey}`
  const versions = ['v1', 'v2'].map((version) => `${prefix}/${folder}/${version}`)
  for (const version of versions)
    for (const [key, value] of Object.entries(documentKeys(version))) await store.put(key, value)
  for (const [key, value] of Object.entries(statics)) await store.put(`${prefix}/${key}`, value)
  await store.put(alias, versions[0] as string)
  const provider = store.provider(prefix, {
    ...(aliasKey !== undefined && { aliasKey: alias }),
    ...(followTarget !== undefined && { followTarget }),
  })
  const proxy = createProxy({ providers: [provider], unsupportedFields: { warn: ['*', 'tls'] } })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return { store, prefix, alias, versions, proxy }
}

const named = (issues: readonly Issue[] = []) => issues.map(({ code, path }) => `${code} ${path}`).sort()

describe.each(Object.keys(STORES))('static configuration beside an alias, read by %s', (way) => {
  it.each([
    ['entrypoints/http/auth/basic/users/0', 'alice:$apr1$x$y', 'entryPoints.http.auth'],
    ['entryPoints/http/auth/basic/users/0', 'alice:$apr1$x$y', 'entryPoints.http.auth'],
    ['eNtRyPoInTs/http/whitelist/sourcerange/0', '10.0.0.0/8', 'entryPoints.http.whiteList.sourceRange'],
    ['/entrypoints//http/redirect/entrypoint', 'https', 'entryPoints.http.redirect'],
    ['entrypoints/http/atuh/basic/users/0', 'a:b', 'entryPoints.http.auth'],
    ['entrypoints', 'Name:http Auth.Basic.Users:a', 'entryPoints'],
    ['web/auth/basic/users/0', 'a:b', 'web.auth'],
    ['WEB/ReadOnly', 'true', 'web.readOnly'],
    ['web//auth/basic/users/0', 'a:b', 'web.auth'],
    ['consul/constraints/0', 'tag==a', 'consul.constraints'],
    ['etcd/filename', 'a.tmpl', 'etcd.filename'],
    ['trustedProxies/0', '10.0.0.0/8', 'trustedProxies'],
    ['constraints', 'tag==a', 'constraints'],
    ['tls/1/certificate/certfile', 'a.crt', 'tls'],
  ])('refuses the document where it guards: %s', async (key, value, path) => {
    const { store, prefix, proxy } = await open(way, { statics: { [key]: value } })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const { error } = await nextEvent(proxy, 'configRejected')
    expect(error.code).toBe('PROXY_CONFIG_INVALID')
    expect(error.issues.map((issue) => issue.code)).toEqual(error.issues.map(() => 'NOT_SUPPORTED'))
    expect(error.issues.map((issue) => issue.path)).toEqual([path])
    expect(error.message).toContain(
      `${prefix}/${key} is a security setting of Traefik's static configuration`,
    )
    expect(error.message).toContain('"switchover convert" writes it into a traefik.toml')
    if (value.length > 6) expect(error.message).not.toContain(value)
    expect((await httpGet({ port })).status).toBe(503)
    const live = nextEvent(proxy, 'configChanged')
    await store.delete(`${prefix}/${key}`)
    await live
    expect((await httpGet({ port })).body).toBe('served')
    // etcd tells of usual spellings at once, and of others at the next read, within half a minute.
    if (key.startsWith('eNtRy')) return
    const refused = nextEvent(proxy, 'configRejected')
    await store.put(`${prefix}/${key}`, value)
    await refused
    expect((await httpGet({ port })).body).toBe('served')
  })

  it('a guard that comes later is told at once, with followTarget too, and with an alias key of its own', async () => {
    for (const site of [{}, { followTarget: true }, { aliasKey: '/dev/alias' }]) {
      const { store, prefix, proxy } = await open(way, site)
      await proxy.ready()
      const refused = nextEvent(proxy, 'configRejected')
      await store.put(`${prefix}/entrypoints/http/auth/basic/users/0`, 'a:b')
      expect(named((await refused).error.issues)).toEqual(['NOT_SUPPORTED entryPoints.http.auth'])
    }
  })

  it('warns of the rest, once for each, and again with the next version', async () => {
    const statics = { loglevel: 'DEBUG', 'entryPoints/http/address': ':80', 'web/address': ':8080' }
    const others = { 'frontends/old/backend': 'none', 'tlsx/a': 'b', 'dev2/v1/version': '1', leader: 'a' }
    const { store, prefix, alias, versions, proxy } = await open(way, { statics: { ...statics, ...others } })
    const changed = nextEvent(proxy, 'configChanged')
    await proxy.ready()
    const warned = ['entryPoints', 'loglevel', 'web'].map((name) => `NOT_SUPPORTED ${prefix}/${name}`)
    expect(named((await changed).warnings)).toEqual(warned)
    const next = nextEvent(proxy, 'configChanged')
    await store.put(alias, versions[1] as string)
    expect(named((await next).warnings)).toEqual(warned)
  })

  it('versions in a folder that has the name of a table are none of it', async () => {
    for (const folder of ['web', 'consul', 'tls', 'api']) {
      const { store, prefix, proxy } = await open(way, { folder, aliasKey: `/${folder}/alias` })
      const changed = nextEvent(proxy, 'configChanged')
      await proxy.ready()
      expect(named((await changed).warnings)).toEqual([])
      if (folder !== 'web') continue
      const refused = nextEvent(proxy, 'configRejected')
      await store.put(`${prefix}/web/auth/basic/users/0`, 'a:b')
      expect(named((await refused).error.issues)).toEqual(['NOT_SUPPORTED web.auth'])
    }
  })

  it('without the alias, what stands below the prefix is the document, and is refused as before', async () => {
    const { store, prefix, alias, proxy } = await open(way, {})
    await proxy.ready()
    for (const [key, value] of Object.entries(documentKeys(prefix))) await store.put(key, value)
    const changed = nextEvent(proxy, 'configChanged', ({ version }) => version?.includes('revision') ?? false)
    await store.delete(alias)
    await changed
    const refused = nextEvent(proxy, 'configRejected')
    await store.put(`${prefix}/entrypoints/http/auth/basic/users/0`, 'a:b')
    expect(named((await refused).error.issues)).toEqual(['NOT_SUPPORTED entryPoints.http.auth'])
  })
})

describe('an unusual spelling in etcd', () => {
  // Without that it is found by the read every half a minute: test/long.
  it('that comes later is found when the alias is written again', async () => {
    const { store, prefix, alias, versions, proxy } = await open('EtcdProvider', {})
    await proxy.ready()
    const refused = nextEvent(proxy, 'configRejected')
    await store.put(`${prefix}/eNtRyPoInTs/http/auth/basic/users/0`, 'a:b')
    await store.put(alias, versions[0] as string)
    expect(named((await refused).error.issues)).toEqual(['NOT_SUPPORTED entryPoints.http.auth'])
  })
})

const UNSEEN = (prefix: string) => [`NOT_SUPPORTED ${prefix}/`]

describe('an etcd user who may read alias and target alone', () => {
  const ROOT = '--user=root:root'

  async function guarded() {
    const own = await EtcdServer.start({ args: ['--bcrypt-cost', '4'] })
    onTestFinished(() => own.stop())
    await putAll(own, documentKeys('/z/dev/v1'))
    await putAll(own, documentKeys('/z/dev/v2'))
    await own.put('/z/alias', '/z/dev/v1')
    await own.put('/z/entrypoints/http/auth/basic/users/0', 'a:b')
    await own.etcdctl('user', 'add', 'root:root')
    await own.etcdctl('user', 'grant-role', 'root', 'root')
    await own.etcdctl('role', 'add', 'dev')
    await own.etcdctl('role', 'grant-permission', 'dev', 'read', '/z/alias')
    await own.etcdctl('role', 'grant-permission', 'dev', 'read', '--prefix=true', '/z/dev/')
    await own.etcdctl('user', 'add', 'proxy:secret')
    await own.etcdctl('user', 'grant-role', 'proxy', 'dev')
    await own.etcdctl('auth', 'enable')
    const auth = { username: 'proxy', password: 'secret' }
    const provider = new EtcdProvider({ hosts: own.url, auth, prefix: '/z', debounceMs: 10 })
    const proxy = createProxy({ providers: [provider] })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const troubles: Error[] = []
    proxy.on('providerUnavailable', ({ error }) => troubles.push(error))
    return { own, proxy, troubles }
  }

  it('is served, told in one warning, and follows on; once the right is granted, the guard is seen', async () => {
    const { own, proxy, troubles } = await guarded()
    const first = nextEvent(proxy, 'configChanged')
    await proxy.ready()
    const { warnings } = await first
    expect(named(warnings)).toEqual(UNSEEN('/z'))
    expect(warnings[0]?.message).toBe(
      'Traefik reads static configuration here, but it cannot be searched: ' +
        'the etcd user may not read all keys below /z/',
    )
    const second = nextEvent(proxy, 'configChanged')
    await own.etcdctl(ROOT, 'put', '/z/alias', '/z/dev/v2')
    expect(named((await second).warnings)).toEqual(UNSEEN('/z'))
    expect(troubles).toEqual([])

    await own.etcdctl(ROOT, 'role', 'grant-permission', 'dev', 'read', '--prefix=true', '/z/')
    const refused = nextEvent(proxy, 'configRejected')
    await own.etcdctl(ROOT, 'put', '/z/alias', '/z/dev/v1')
    expect(named((await refused).error.issues)).toEqual(['NOT_SUPPORTED entryPoints.http.auth'])

    // What was followed by then may not be read any more.
    await own.etcdctl(ROOT, 'role', 'revoke-permission', 'dev', '--prefix=true', '/z/')
    const third = nextEvent(proxy, 'configChanged')
    await own.etcdctl(ROOT, 'put', '/z/alias', '/z/dev/v1')
    expect(named((await third).warnings)).toEqual(UNSEEN('/z'))
    expect(troubles).toEqual([])
  })
})

describe('a Consul token that may read alias and target alone', () => {
  async function guarded() {
    const own = await ConsulServer.start()
    onTestFinished(() => own[Symbol.asyncDispose]())
    for (const [key, value] of Object.entries(documentKeys('z/dev/v1'))) own.put(key, value)
    own.put('z/entrypoints/http/auth/basic/users/0', 'a:b')
    own.put('z/alias', 'z/dev/v1')
    own.mayRead = (key) => key === 'z/alias' || key.startsWith('z/dev/')
    const provider = new ConsulProvider({ url: own.url, prefix: 'z', debounceMs: 10, waitMs: 200 })
    const proxy = createProxy({ providers: [provider] })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const troubles: Error[] = []
    proxy.on('providerUnavailable', ({ error }) => troubles.push(error))
    return { own, proxy, troubles }
  }

  it.each(['leaves it out and says so', 'refuses the list'])(
    'is served, and told, where Consul %s',
    async (how) => {
      const { own, proxy, troubles } = await guarded()
      if (how === 'refuses the list') {
        own.lie = ({ key, search }, res) => {
          if (!search.has('keys') || own.mayRead(key)) return false
          res.writeHead(403).end('Permission denied: token lacks permission "key:list"')
          return true
        }
      }
      const changed = nextEvent(proxy, 'configChanged')
      await proxy.ready()
      const { warnings } = await changed
      expect(named(warnings)).toEqual(UNSEEN('/z'))
      expect(warnings[0]?.message).toContain('the token may not read all keys below z/')
      expect(troubles).toEqual([])
      // It is looked for again, and seen.
      own.lie = () => false
      const refused = nextEvent(proxy, 'configRejected', () => true, 30_000)
      own.mayRead = () => true
      expect(named((await refused).error.issues)).toEqual(['NOT_SUPPORTED entryPoints.http.auth'])
    },
  )

  it('is served where an older Consul says nothing', async () => {
    const { own, proxy, troubles } = await guarded()
    own.saysWhatIsLeftOut = false
    const changed = nextEvent(proxy, 'configChanged')
    await proxy.ready()
    expect((await changed).warnings).toEqual([])
    expect(troubles).toEqual([])
  })
})

describe('many versions below the prefix', () => {
  const calls = async () => {
    const metrics = await (await fetch(`${etcd.url}/metrics`)).text()
    const count = (method: string) =>
      Number(
        new RegExp(`^grpc_server_started_total\\{grpc_method="${method}",.* (\\d+)$`, 'm').exec(
          metrics,
        )?.[1] ?? 0,
      )
    return count('Range') + count('Txn')
  }

  it('cost no more reads than one, whatever their number', async () => {
    const versions: Record<string, string> = {}
    for (let at = 0; at < 300; at++)
      for (const name of ['dev', 'release', 'config', 'webshop', 'entry'])
        versions[`${name}-${at}/frontends/web/backend`] = 'web'
    const prefix = `/beside-${places + 1}`
    await putAll(
      etcd,
      Object.fromEntries(Object.entries(versions).map(([key, value]) => [`${prefix}/${key}`, value])),
    )
    const { alias, versions: both, store, proxy } = await open('EtcdProvider', {})
    await proxy.ready()
    const before = await calls()
    const changed = nextEvent(proxy, 'configChanged')
    await store.put(alias, both[1] as string)
    await changed
    const made = (await calls()) - before
    console.log(`${made} reads for a flip beside 1,500 versions`)
    expect(made).toBeLessThan(12)
  })
})
