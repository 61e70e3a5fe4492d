import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from './etcd-server.js'
import { HostileApi, json } from './hostile-api.js'
import { ProxyProcess } from './proxy-process.js'

const MOST_GROWTH_MB = 8

/** A whole proxy is started, asked once and closed, so many times in one process: nothing of it may pile up. */
export async function expectCyclesLeaveNothing(cycles: number, limitMs: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cycles-'))
  const etcd = await EtcdServer.start()
  const api = await HostileApi.start()
  const server = await NamedServer.start('one')
  const child = await ProxyProcess.start()
  try {
    const document = {
      frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
      backends: { web: { servers: { only: { url: server.url } } } },
    }
    api.on('/v1', json({ prefix: '/v1', ...document }))
    await etcd.put('/alias', '/v1')
    const lastGood = join(folder, 'last-good.json')
    const settings = { hosts: etcd.url, aliasKey: '/alias', url: api.url, lastGood }
    child.order({ do: 'cycle', times: cycles, settings })
    const { usage: before } = await child.until('cycled', () => true, 60_000)
    const { usage: after } = await child.until('cycled', (word) => word.cycles === cycles, limitMs)
    for (const word of child.all('cycled')) {
      const { descriptors, heapBytes } = word.usage
      const said = `${descriptors} descriptors, heap ${(heapBytes / 1e6).toFixed(1)} MB`
      console.log(`${word.cycles} cycles, ${(word.ms / 1000).toFixed(1)} s: ${said}`)
    }
    expect(after.resources).toEqual([])
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors)
    expect(after.listeners).toEqual(before.listeners)
    expect((after.heapBytes - before.heapBytes) / 1e6).toBeLessThan(MOST_GROWTH_MB)
  } finally {
    child.kill()
    await Promise.all([etcd.stop(), api.close(), server.close()])
    await rm(folder, { recursive: true, force: true })
  }
}
