import { createProxy, EtcdAliasProvider, EtcdPrefixFetcher, EtcdProvider, type Provider } from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { deleteOneByOne, keysOf, putAll } from '../support/etcd-keys.js'
import { EtcdServer } from '../support/etcd-server.js'
import { eventually, nextEvent } from '../support/next-event.js'
import { StrictLoad } from '../support/strict-load.js'
import { HOST, VersionedServers, versionOf } from '../support/versioned-servers.js'

const FLIPS = 15

/** The operators' order: the new version is written, the old one deleted key by key, and only then the alias is written. */
describe('a version that is deleted before the alias is written', () => {
  let etcd: EtcdServer
  beforeAll(async () => {
    etcd = await EtcdServer.start()
  })
  afterAll(() => etcd?.stop())

  it.each<[name: string, make: (root: string) => Provider]>([
    ['EtcdProvider', (root) => new EtcdProvider({ hosts: etcd.url, prefix: root })],
    [
      'EtcdAliasProvider with an EtcdPrefixFetcher',
      (root) =>
        new EtcdAliasProvider({
          hosts: etcd.url,
          aliasKey: `${root}/alias`,
          fetcher: new EtcdPrefixFetcher({ hosts: etcd.url }),
        }),
    ],
  ])('goes on serving, and no request sees a 404 or two versions: %s', async (name, make) => {
    const root = `/traefik/${name.length}`
    const servers = new VersionedServers()
    onTestFinished(() => servers.close())
    const write = async (version: number) => {
      const keys = keysOf(await servers.document(version), `${root}/v${version}`)
      await putAll(etcd, keys)
      return keys
    }
    let keys = await write(0)
    await etcd.put(`${root}/alias`, `${root}/v0`)
    const proxy = createProxy({ providers: [make(root)] })
    onTestFinished(() => proxy.close())
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()

    const load = new StrictLoad((answer) => {
      const version = versionOf(answer)
      return typeof version === 'string' ? version : undefined
    }).start(8, () => ({ port, host: HOST, path: '/x' }))
    for (let version = 1; version <= FLIPS; version++) {
      const next = await write(version)
      await deleteOneByOne(etcd, keys)
      const answered = load.answered
      await eventually(() => load.answered > answered + 8, 'the version that is gone goes on serving')
      const switched = nextEvent(proxy, 'configChanged')
      await etcd.put(`${root}/alias`, `${root}/v${version}`)
      expect((await switched).version).toBe(`${root}/v${version}`)
      keys = next
    }
    await load.stop()
    console.log(
      `${name}: ${load.answered} requests over ${FLIPS} flips, ${load.failures.length} failed or mixed`,
    )
    expect(load.failures).toEqual([])
    expect(proxy.state.generation).toBe(FLIPS + 1)
  })
})
