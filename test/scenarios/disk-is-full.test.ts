import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LastGoodFile, type ProviderConfig } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileApi, json } from '../support/hostile-api.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'
import { ProxyProcess } from '../support/proxy-process.js'

// P5 and P10 in docs/promises.md.

const MAX_KILOBYTES = 16

it('a disk that is full costs one report: the process lives, serves and switches, and what was kept stays whole', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'disk-is-full-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const etcd = await EtcdServer.start()
  onTestFinished(() => etcd.stop())
  const api = await HostileApi.start()
  onTestFinished(() => api.close())
  const servers = await Promise.all(['one', 'two', 'three', 'four'].map((name) => NamedServer.start(name)))
  for (const server of servers) onTestFinished(() => server.close())
  const [one, two, three, four] = servers.map(({ url }) => url) as [string, string, string, string]
  api.on('/v1', json(documentFor(one, 1)))
  api.on('/v2', json(documentFor(two, 500)))
  api.on('/v3', json(documentFor(three, 500)))
  api.on('/v4', json(documentFor(four, 1)))
  await etcd.put('/alias', '/v1')

  const path = join(folder, 'last-good.json')
  const child = await ProxyProcess.startOnFullDisk(MAX_KILOBYTES)
  onTestFinished(() => child.kill())
  child.order({
    do: 'start',
    settings: { hosts: etcd.url, aliasKey: '/alias', url: api.url, lastGood: path },
  })
  const { port } = await child.until('listening')
  const served = async () => (await httpGet({ port, host: 'www.baidu.com' })).body.trim()
  const kept = async () => (await new LastGoodFile(path).load()).get('etcd-alias')?.document.version
  await child.until('changed', ({ version }) => version === '/v1')
  await eventually(async () => (await kept()) === '/v1', 'version 1 is kept')

  await etcd.put('/alias', '/v2')
  const { code, message } = await child.until('unavailable')
  expect(code).toBe('PROXY_CACHE_FAILED')
  expect(message).toMatch(/EFBIG|ENOSPC/)
  expect(await served()).toBe('two')
  expect(await kept()).toBe('/v1')
  expect(await readdir(folder)).toEqual(['last-good.json'])

  await etcd.put('/alias', '/v3')
  await child.until('changed', ({ version }) => version === '/v3')
  expect(await served()).toBe('three')

  // There is room again for what is small.
  await etcd.put('/alias', '/v4')
  await eventually(async () => (await kept()) === '/v4', 'version 4 is kept')
  expect(await served()).toBe('four')
  expect(await readdir(folder)).toEqual(['last-good.json'])
  expect(child.runs).toBe(true)
  expect(child.all('unavailable')).toHaveLength(1)
  expect(child.all('rejected')).toEqual([])
})

/** A document with one server, and as many more frontends as make it long. */
function documentFor(url: string, frontends: number): ProviderConfig {
  const names = Array.from({ length: frontends }, (_, index) => `f${index}`)
  return {
    frontends: Object.fromEntries([
      ['web', { backend: 'web', rule: 'Host:www.baidu.com' }],
      ...names.map((name) => [name, { backend: 'web', rule: `Host:${name}.example` }]),
    ]),
    backends: { web: { servers: { only: { url } } } },
  }
}
