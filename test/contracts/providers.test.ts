import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AliasProvider,
  ApiConfigFetcher,
  ConsulProvider,
  EtcdAliasProvider,
  EtcdPrefixFetcher,
  EtcdProvider,
  FileProvider,
  HttpProvider,
  InMemoryAliasSource,
  type ProviderConfig,
  StaticProvider,
} from 'switchover'
import { afterAll, beforeAll, describe } from 'vitest'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { testConsul } from '../support/consul.js'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileLink } from '../support/hostile-link.js'
import { describeProviderContract } from './provider-contract.js'

const backend = { servers: { only: { url: 'http://127.0.0.1:9' } } }
const frontend = { backend: 'web', rule: 'Host:www.baidu.com' }

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

describeProviderContract(
  'StaticProvider',
  async () => {
    const made: StaticProvider[] = []
    let config: ProviderConfig = { version: 'v1', frontends: { web: frontend }, backends: { web: backend } }
    return {
      make() {
        const provider = new StaticProvider({ config })
        made.push(provider)
        return provider
      },
      get version() {
        return String(config.version)
      },
      async change() {
        const version = `v${Number(config.version?.slice(1)) + 1}`
        config = { ...config, version }
        for (const provider of made) void provider.update(config)
        return version
      },
      async close() {},
    }
  },
  { unbreakable: 'what it delivers is in memory' },
)

describeProviderContract('FileProvider', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'file-provider-'))
  const file = join(folder, 'rules.json')
  let count = 0
  const write = async () => {
    count += 1
    const document = { version: `v${count}`, frontends: { web: frontend }, backends: { web: backend } }
    await writeFile(`${file}.new`, JSON.stringify(document))
    await rename(`${file}.new`, file)
    return `v${count}`
  }
  await write()
  return {
    make: () => new FileProvider({ filename: file }),
    get version() {
      return `v${count}`
    },
    change: write,
    outage: { break: () => rename(file, `${file}.gone`), mend: () => rename(`${file}.gone`, file) },
    close: () => rm(folder, { recursive: true }),
  }
})

describeProviderContract('HttpProvider', async () => {
  let count = 1
  const server = createServer((_req, res) => {
    const document = { version: `v${count}`, frontends: { web: frontend }, backends: { web: backend } }
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify(document))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const link = await HostileLink.to(() => (server.address() as AddressInfo).port)
  return {
    make: () => new HttpProvider({ url: link.url, pollIntervalMs: 50 }),
    get version() {
      return `v${count}`
    },
    async change() {
      count += 1
      return `v${count}`
    },
    outage: { break: () => link.cut(), mend: () => link.mend() },
    async close() {
      await link.cut()
      server.close()
    },
  }
})

/** Whole configurations under `{root}/v1`, `{root}/v2`, ...: the newest alone, as an operator leaves them. */
class Versions {
  readonly #api: ConfigApi
  readonly #root: string
  #count = 0

  constructor(api: ConfigApi, root: string) {
    this.#api = api
    this.#root = root
  }

  get current(): string {
    return `${this.#root}/v${this.#count}`
  }

  next(): string {
    this.#api.delete(this.current)
    this.#count += 1
    this.#api.putBackend(this.current, 'web', backend)
    this.#api.putFrontend(this.current, 'web', frontend)
    return this.current
  }
}

describeProviderContract('AliasProvider on an InMemoryAliasSource and an ApiConfigFetcher', async () => {
  const api = await new ConfigApi().start()
  const link = await HostileLink.to(() => Number(new URL(api.url).port))
  const versions = new Versions(api, '/traefik/dev')
  const sources: InMemoryAliasSource[] = []
  const write = () => {
    for (const source of sources) source.set(versions.current)
  }
  versions.next()
  return {
    make() {
      const source = new InMemoryAliasSource(versions.current)
      sources.push(source)
      return new AliasProvider({ source, fetcher: new ApiConfigFetcher({ url: `${link.url}/config` }) })
    },
    get version() {
      return versions.current
    },
    async change() {
      versions.next()
      write()
      return versions.current
    },
    outage: {
      async break() {
        await link.cut()
        // What is fetched is fetched once; only a new wish to switch finds out that the API is gone.
        write()
      },
      mend: () => link.mend(),
    },
    async close() {
      await link.cut()
      await api.close()
    },
  }
})

let clusters = 0

describeProviderContract('EtcdAliasProvider', async () => {
  clusters += 1
  const aliasKey = `/traefik/cluster-${clusters}/alias`
  const api = await new ConfigApi().start()
  const versions = new Versions(api, `/traefik/cluster-${clusters}`)
  await etcd.put(aliasKey, versions.next())
  return {
    make: () =>
      new EtcdAliasProvider({
        hosts: etcd.url,
        aliasKey,
        fetcher: new ApiConfigFetcher({ url: api.url }),
      }),
    get version() {
      return versions.current
    },
    async change() {
      await etcd.put(aliasKey, versions.next())
      return versions.current
    },
    outage: { break: () => etcd.kill(), mend: () => etcd.restart() },
    close: () => api.close(),
  }
})

/** Puts a whole configuration below a prefix in etcd, key by key. */
async function putKeys(prefix: string, version?: string): Promise<void> {
  if (version !== undefined) await etcd.put(`${prefix}/version`, version)
  await etcd.put(`${prefix}/backends/web/servers/only/url`, backend.servers.only.url)
  await etcd.put(`${prefix}/frontends/web/backend`, frontend.backend)
  await etcd.put(`${prefix}/frontends/web/routes/main/rule`, frontend.rule)
}

describeProviderContract('EtcdProvider without an alias', async () => {
  clusters += 1
  const prefix = `/keys-${clusters}`
  let count = 1
  await putKeys(prefix, 'v1')
  return {
    make: () => new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 20 }),
    get version() {
      return `v${count}`
    },
    async change() {
      count += 1
      await etcd.put(`${prefix}/version`, `v${count}`)
      return `v${count}`
    },
    outage: { break: () => etcd.kill(), mend: () => etcd.restart() },
    async close() {},
  }
})

describe.each([
  {
    name: 'EtcdProvider with an alias',
    make: (prefix: string) => new EtcdProvider({ hosts: etcd.url, prefix }),
  },
  {
    name: 'EtcdAliasProvider with an EtcdPrefixFetcher',
    make: (prefix: string) =>
      new EtcdAliasProvider({
        hosts: etcd.url,
        aliasKey: `${prefix}/alias`,
        fetcher: new EtcdPrefixFetcher({ hosts: etcd.url }),
      }),
  },
])('with keys in etcd,', ({ name, make }) => {
  describeProviderContract(name, async () => {
    clusters += 1
    const prefix = `/keys-${clusters}`
    let count = 0
    const change = async () => {
      count += 1
      await putKeys(`${prefix}/v${count}`)
      await etcd.put(`${prefix}/alias`, `${prefix}/v${count}`)
      return `${prefix}/v${count}`
    }
    await change()
    return {
      make: () => make(prefix),
      get version() {
        return `${prefix}/v${count}`
      },
      change,
      outage: { break: () => etcd.kill(), mend: () => etcd.restart() },
      async close() {},
    }
  })
})

describe.each([
  { what: 'without an alias', isAliased: false },
  { what: 'with an alias', isAliased: true },
])('with keys in Consul, $what,', ({ isAliased }) => {
  describeProviderContract('ConsulProvider', async () => {
    const consul = await testConsul()
    const link = await HostileLink.to(() => consul.port)
    const root = `switchover-${process.pid}-${Date.now()}`
    let count = 0
    const version = () => (isAliased ? `/${root}/v${count}` : `v${count}`)
    const change = async () => {
      count += 1
      const prefix = isAliased ? `${root}/v${count}` : root
      await consul.put(`${prefix}/backends/web/servers/only/url`, backend.servers.only.url)
      await consul.put(`${prefix}/frontends/web/backend`, frontend.backend)
      await consul.put(`${prefix}/frontends/web/routes/main/rule`, frontend.rule)
      if (isAliased) await consul.put(`${root}/alias`, prefix)
      else await consul.put(`${prefix}/version`, `v${count}`)
      return version()
    }
    await change()
    const token = consul.token === undefined ? {} : { token: consul.token }
    return {
      make: () => new ConsulProvider({ url: link.url, prefix: root, debounceMs: 50, ...token }),
      get version() {
        return version()
      },
      change,
      outage: { break: () => link.cut(), mend: () => link.mend() },
      async close() {
        await link.cut()
        await consul.delete(`${root}/?recurse`)
        await consul[Symbol.asyncDispose]()
      },
    }
  })
})
