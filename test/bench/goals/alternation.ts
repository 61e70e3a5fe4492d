import { setTimeout as delay } from 'node:timers/promises'
import type { LoadResult } from '../children/load.js'
import { type Finding, progress, type Row } from '../parts/command-line.js'
import { LoadedProxy, Wrongs } from './loaded-proxy.js'

interface Sample {
  readonly heap: number
  readonly rss: number
}

/** Closing a connection takes a moment on both sides. */
const GONE_WITHIN_MS = 3_000

/**
 * G3: to and fro between versions that have no server in common. Every fourth connection asks for what takes several
 * switches to answer; afterwards nothing may be left of the servers that are not in the last version.
 */
export async function alternation({ switches }: { readonly switches: number }): Promise<Finding> {
  const frontends = 100
  const slowMs = 150
  progress(`G3: ${switches} switches of ${frontends} frontends to and fro`)
  const loaded = await LoadedProxy.start({
    frontends,
    backends: frontends,
    servers: 2,
    load: { slowMs, pauseMs: 1 },
    nodeArguments: ['--expose-gc'],
  })
  const rows: Row[] = []
  const wrongs = new Wrongs()
  let leftOver = 0
  await loaded.load.call('measure')
  for (const [at, times] of [
    ['the beginning', Math.min(100, switches / 2)],
    ['half', Math.max(0, switches / 2 - 100)],
    ['the end', switches / 2],
  ] as const) {
    await loaded.proxy.call('switchTimes', { times, pauseMs: 5 })
    const [first, second] = await untilGone(loaded)
    await delay(200)
    const { heap, rss } = await loaded.proxy.call<Sample>('memory')
    const sockets = await loaded.proxy.call<number>('sockets')
    leftOver += Math.min(first, second)
    rows.push({
      at,
      'connections to the servers that serve': Math.max(first, second),
      'to the others': Math.min(first, second),
      'sockets of the proxy': sockets,
      'heap MiB': heap,
      'RSS MiB': rss,
    })
  }
  const load = await loaded.load.call<LoadResult>('measure')
  wrongs.add(load)
  const [generation = 0] = await loaded.proxy.call<number[]>('generations')
  await loaded.stop()
  return {
    title: `G3: ${generation - 1} switches between versions without a common server, answers of ${slowMs} ms in flight`,
    rows,
    notes: [`${load.requests} requests; sockets and heap should stay flat`],
    wrong: { ...wrongs.counts, 'connections left over': leftOver },
    examples: wrongs.examples,
  }
}

/** The connections to each server, once those of one are gone or the time is over. */
async function untilGone(loaded: LoadedProxy): Promise<readonly [number, number]> {
  const end = performance.now() + GONE_WITHIN_MS
  for (;;) {
    const [first = 0, second = 0] = await loaded.servers.call<number[]>('connections')
    if (Math.min(first, second) === 0 || performance.now() > end) return [first, second]
    await delay(20)
  }
}
