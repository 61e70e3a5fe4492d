import { type Finding, progress, type Row } from '../parts/command-line.js'
import type { LongLivedState } from '../parts/long-lived.js'
import type { LoopBlock } from '../parts/loop-probe.js'
import { percentile } from '../parts/percentiles.js'
import { comparison, LoadedProxy, Wrongs } from './loaded-proxy.js'

export interface SteadyLoad {
  /** Only the ends: what is easiest, and what is hardest. */
  readonly quick: boolean
  readonly seconds: number
  readonly sizes: readonly number[]
  /** With streams and WebSockets open all the while. */
  readonly mixed: boolean
}

/** Whether clients keep their connections, and whether servers stay from version to version. */
const EASIEST = { close: false, servers: 1 } as const
const BETWEEN = [
  { close: false, servers: 2 },
  { close: true, servers: 1 },
] as const
const HARDEST = { close: true, servers: 2 } as const

/** G1: twenty switches a second, against the same load without any. */
export async function steadyLoad({ quick, seconds, sizes, mixed }: SteadyLoad): Promise<Finding> {
  const rows: Row[] = []
  const wrongs = new Wrongs()
  let lost = 0
  for (const frontends of sizes) {
    for (const { close, servers } of quick ? [EASIEST, HARDEST] : [EASIEST, ...BETWEEN, HARDEST]) {
      const load = `${frontends} frontends, ${close ? 'close' : 'keep-alive'}, ${servers === 1 ? 'same servers' : 'other servers'}`
      progress(`G1: 20 switches/s of ${load}: ${seconds} s without, with, without`)
      const loaded = await LoadedProxy.start({ frontends, backends: frontends, servers, load: { close } })
      const { row, longLived } = await withAndWithout(loaded, seconds, mixed, wrongs)
      await loaded.stop()
      lost += longLived ? longLived.closed + longLived.wrong : 0
      rows.push({ load, ...row })
    }
  }
  return {
    title: 'G1: 20 switches a second; 16 connections GET, 16 POST 1 KiB',
    rows,
    notes: [
      'targets: ratio >= 0.8, p99 ratio <= 1.5, p99.9 ratio <= 3',
      '"other servers": no server of one version is in the next, so that every switch costs every connection anew',
      'CPU is of the proxy: per request without switches, and what a switch costs on top, connections included',
    ],
    wrong: { ...wrongs.counts, ...(mixed && { 'streams and WebSockets lost': lost }) },
    examples: wrongs.examples,
  }
}

async function withAndWithout(
  loaded: LoadedProxy,
  seconds: number,
  mixed: boolean,
  wrongs: Wrongs,
): Promise<{ row: Row; longLived: LongLivedState | undefined }> {
  if (mixed) await loaded.openLongLived()
  await loaded.measure(Math.min(2, seconds / 2))
  const before = await loaded.measure(seconds)
  const { load, switching } = await loaded.measureSwitching(seconds, { perSecond: 20 })
  const after = await loaded.measure(seconds)
  wrongs.add(before, load, after)
  const longLived = mixed ? await loaded.load.call<LongLivedState>('longLived') : undefined
  const cpuPerRequest = (before.cpuMs + after.cpuMs) / (before.requests + after.requests)
  const row = {
    'switches/s': switching.switches / switching.seconds,
    ...comparison(before, load, after),
    'CPU ms/request': cpuPerRequest,
    'CPU ms/switch': (load.cpuMs - load.requests * cpuPerRequest) / switching.switches,
    ...(longLived && { 'streams and WebSockets open': longLived.open }),
  }
  return { row, longLived }
}

/** G2: large documents; how long a switch holds up everything else. */
export async function largeDocuments({
  quick,
  seconds,
}: Pick<SteadyLoad, 'quick' | 'seconds'>): Promise<Finding> {
  const [frontends, backends] = [2000, 500]
  progress(`G2: 2 switches/s of ${frontends} frontends and ${backends} backends, ${seconds} s`)
  const rows: Row[] = []
  const wrongs = new Wrongs()
  for (const connections of quick ? [1] : [1, 32]) {
    const loaded = await LoadedProxy.start({ frontends, backends, servers: 2, load: { connections } })
    await loaded.measureSwitching(Math.min(3, seconds / 2), { perSecond: 2 })
    const before = await loaded.measureSwitching(seconds / 2, { perSecond: 2, calm: true })
    const during = await loaded.measureSwitching(seconds, { perSecond: 2, probed: true })
    const after = await loaded.measureSwitching(seconds / 2, { perSecond: 2, calm: true })
    await loaded.stop()
    wrongs.add(before.load, during.load, after.load)
    const { blocks, switches } = during.switching
    const calm = [...before.switching.calm, ...after.switching.calm]
    rows.push({
      load: `${connections} connection${connections === 1 ? '' : 's'}`,
      switches,
      'longest turn p50': turns(blocks, 0.5),
      p99: turns(blocks, 0.99),
      target: 10,
      'without a switch p50': turns(calm, 0.5),
      'without p99': turns(calm, 0.99),
      ...comparison(before.load, during.load, after.load),
    })
  }
  return {
    title: `G2: 2 switches a second of ${frontends} frontends and ${backends} backends: turns of the event loop, ms`,
    rows,
    notes: [
      'under load a turn also serves whoever has asked meanwhile: one connection shows the switch alone',
    ],
    wrong: wrongs.counts,
    examples: wrongs.examples,
  }
}

function turns(blocks: readonly LoopBlock[], share: number): number {
  return percentile(
    blocks.map(({ longest }) => longest),
    share,
  )
}
