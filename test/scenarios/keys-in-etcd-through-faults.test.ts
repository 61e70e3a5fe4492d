import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, EtcdProvider, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually, nextEvent } from '../support/next-event.js'

/** How long a fault may show after its end: P3. */
const HEALED_MS = 30_000

async function follow(host: (etcd: EtcdServer) => Promise<string>) {
  const etcd = await EtcdServer.start()
  onTestFinished(() => etcd.stop())
  await etcd.put('/keys/backends/web/servers/one/url', 'http://127.0.0.1:9')
  await etcd.put('/keys/frontends/web/backend', 'web')
  await etcd.put('/keys/frontends/web/routes/main/rule', 'Host:v0.test')
  const proxy = createProxy({ providers: [new EtcdProvider({ hosts: await host(etcd), prefix: '/keys' })] })
  onTestFinished(() => proxy.close())
  await proxy.ready()
  return { etcd, proxy }
}

const write = (etcd: EtcdServer, version: number) =>
  etcd.put('/keys/frontends/web/routes/main/rule', `Host:v${version}.test`)

const serves = (proxy: ReverseProxy, version: number, limitMs = HEALED_MS) =>
  eventually(
    () => {
      const request = { host: `v${version}.test`, path: '/', clientAddress: '192.0.2.1' }
      return proxy.explain(request).winner !== undefined
    },
    `v${version} serves`,
    limitMs,
  )

describe('a tree of keys that is followed', () => {
  it('is read anew after its etcd died, with what was written and compacted meanwhile', async () => {
    const { etcd, proxy } = await follow(async ({ url }) => url)
    const troubled = nextEvent(proxy, 'providerUnavailable')
    await etcd.kill()
    await troubled
    await serves(proxy, 0)
    await etcd.restart()
    const revision = await write(etcd, 1)
    await etcd.etcdctl('compact', String(revision))
    await serves(proxy, 1)
    await write(etcd, 2)
    await serves(proxy, 2, 30_000)
  })

  it('is read anew after its etcd was restored from a backup, at a lower revision', async () => {
    const { etcd, proxy } = await follow(async ({ url }) => url)
    const folder = await mkdtemp(join(tmpdir(), 'backup-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await etcd.etcdctl('snapshot', 'save', join(folder, 'backup'))
    for (let version = 1; version < 20; version++) await write(etcd, version)
    await serves(proxy, 19)
    await etcd.restartFrom(join(folder, 'backup'))
    await serves(proxy, 0)
    await write(etcd, 20)
    await serves(proxy, 20, 30_000)
  })

  it('that is wiped goes on serving, and what is put there then is followed', async () => {
    const { etcd, proxy } = await follow(async ({ url }) => url)
    const rejected = nextEvent(proxy, 'configRejected', ({ error }) =>
      error.message.includes('nothing below'),
    )
    await etcd.restartFrom()
    await rejected
    await serves(proxy, 0)
    await etcd.put('/keys/backends/web/servers/one/url', 'http://127.0.0.1:9')
    await etcd.put('/keys/frontends/web/backend', 'web')
    await write(etcd, 1)
    await serves(proxy, 1)
  })

  it('behind a network that swallows everything is an outage, and caught up with after it', async () => {
    let link: HostileLink | undefined
    const { etcd, proxy } = await follow(async ({ port }) => {
      link = await HostileLink.to(() => port)
      return link.url
    })
    onTestFinished(() => link?.cut())
    const troubled = nextEvent(proxy, 'providerUnavailable', () => true, 30_000)
    link?.stall()
    await write(etcd, 1)
    await troubled
    await serves(proxy, 0)
    await link?.mend()
    await serves(proxy, 1)
    expect(proxy.state.generation).toBe(2)
  })
})
