import { setTimeout as delay } from 'node:timers/promises'
import type { EtcdStart, Switched } from '../children/proxy.js'
import { AliasFlipper } from '../parts/alias-flipper.js'
import { Child } from '../parts/child.js'
import { type Finding, progress, type Row } from '../parts/command-line.js'
import { API_VERSIONS, hostOf } from '../parts/marked-documents.js'
import { percentile, spread } from '../parts/percentiles.js'
import { Prober } from '../parts/prober.js'

export interface ManyProxies {
  /** How many at a time, once each. */
  readonly crowds: readonly number[]
  readonly flips: number
  /** Frontends, and as many backends. */
  readonly size: number
}

/** Between two questions to one proxy: all of them asked without a pause would be a load test. */
const PAUSE_MS = 10

/** G4: one write of the alias key, and how long until each of many proxies answers by the new version. */
export async function manyProxies({ crowds, flips, size }: ManyProxies): Promise<Finding> {
  const rows: Row[] = []
  const wrong = { failed: 0, mixed: 0, closed: 0 }
  const examples: string[] = []
  for (const proxies of crowds) {
    const { row, probers } = await oneCrowd(proxies, flips, size)
    rows.push(row)
    for (const prober of probers) {
      for (const what of ['failed', 'mixed', 'closed'] as const) wrong[what] += prober[what]
      examples.push(...prober.examples)
    }
  }
  return {
    title: `G4: proxies of ${size} + ${size}, from the write of the alias key, ms (p50/p99)`,
    rows,
    notes: [
      `each proxy is asked every ${PAUSE_MS} ms, which is in "first response"; all share one process and one core,`,
      'so that later ones wait for earlier ones, as on no real site',
    ],
    wrong,
    examples: examples.slice(0, 5),
  }
}

async function oneCrowd(
  proxies: number,
  flips: number,
  size: number,
): Promise<{ row: Row; probers: readonly Prober[] }> {
  progress(`G4: ${flips} flips of ${proxies} proxies`)
  const servers = new Child('marking-servers')
  const ports = await servers.call<number[]>('listen', 2)
  const api = new Child('config-api')
  const url = await api.call<string>('listen')
  await api.call('serve', { frontends: size, backends: size, ports, versions: API_VERSIONS })
  const flipper = await AliasFlipper.start()
  await flipper.write(0).acknowledged
  const proxy = new Child('proxy', { place: 'proxy' })
  const start: EtcdStart = { hosts: flipper.etcd.url, aliasKey: AliasFlipper.aliasKey, url, count: proxies }
  const listening = await proxy.call<number[]>('startEtcd', start)
  const probers = listening.map(
    (port) => new Prober(port, { host: hostOf(0), servers: 2, pauseMs: PAUSE_MS }),
  )

  const answered: number[] = []
  const switched: number[] = []
  const last: number[] = []
  let issued = 0
  proxy.on('switched', ({ at }: Switched) => switched.push(at - issued))
  for (let flip = 1; flip <= flips; flip++) {
    const version = flip % API_VERSIONS
    const seen = probers.map((prober) => prober.seen(version))
    const { issuedAt } = flipper.write(version)
    issued = issuedAt
    const times = (await Promise.all(seen)).map((at) => at - issuedAt)
    answered.push(...times)
    last.push(Math.max(...times))
    await delay(50 + Math.random() * 50)
  }
  for (const prober of probers) prober.stop()
  await Promise.all([proxy.stop(), api.stop(), servers.stop(), flipper.stop()])
  const row = {
    proxies,
    flips,
    'first response': spread(answered),
    target: '30/250',
    switched: spread(switched),
    'all of them p50': percentile(last, 0.5),
    'all max': Math.max(...last),
    'all target': 1000,
  }
  return { row, probers }
}
