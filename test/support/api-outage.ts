import { expect } from 'vitest'
import type { EtcdServer } from './etcd-server.js'
import { withCluster } from './followed-cluster.js'
import { json } from './hostile-api.js'
import type { HostileLink } from './hostile-link.js'
import { eventually, nextEvent } from './next-event.js'

/** How the config API can be away. */
export const API_FAULTS: Readonly<Record<string, (link: HostileLink) => void | Promise<void>>> = {
  'refuses connections': (link) => link.cut(),
  'is behind a network that drops everything': (link) => link.drop(),
}

/** From the end of the fault to the switch: a try that is under way, the longest wait between two, and the fetch. */
const BACK_WITHIN_MS = 30_000

/** One switch while the config API is away for so long, under load. */
export async function expectSwitchOutlivesOutage(
  etcd: EtcdServer,
  fault: string,
  outageMs: number,
): Promise<void> {
  await withCluster(etcd, {}, async (cluster) => {
    const { api, link, proxy, documents, prefixOf, writeAlias, serves, told, load, troubled } = cluster
    const prefix = prefixOf(2)
    api.on(prefix, json({ prefix, ...documents[2] }))
    await API_FAULTS[fault]?.(link)
    const start = performance.now()
    const trouble = nextEvent(proxy, 'providerUnavailable')
    await writeAlias(prefix)
    await trouble
    const noticedMs = performance.now() - start
    await eventually(() => performance.now() - start >= outageMs, 'the outage is over', outageMs + 30_000)
    await serves(1)
    expect(proxy.state).toMatchObject({
      generation: 1,
      providers: [{ state: 'unavailable', version: prefixOf(1) }],
    })

    const switched = nextEvent(proxy, 'configChanged', ({ version }) => version === prefix, BACK_WITHIN_MS)
    const recovered = nextEvent(proxy, 'providerRecovered', () => true, BACK_WITHIN_MS + 4_000)
    const ended = performance.now()
    await link.mend()
    expect(await switched).toMatchObject({ generation: 2, verified: true })
    const backMs = performance.now() - ended
    await serves(2)
    expect((await recovered).downMs).toBeGreaterThan(outageMs - noticedMs - 1_000)
    expect(told()).toEqual({ rejected: 0, troubled: 1, recovered: 1 })
    expect(troubled[0]?.error).toMatchObject({ code: 'PROXY_CONFIG_UNREACHABLE' })
    console.log(
      `the API ${fault} for ${outageMs / 1000} s: told after ${Math.round(noticedMs)} ms, switched ` +
        `${Math.round(backMs)} ms after its end, ${load.answered} requests, ${load.failures.length} failed`,
    )
  })
}
