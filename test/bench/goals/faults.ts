import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../support/next-event.js'
import type { LoadResult } from '../children/load.js'
import type { EtcdStart, Switched } from '../children/proxy.js'
import { AliasFlipper } from '../parts/alias-flipper.js'
import { Child } from '../parts/child.js'
import { type Finding, progress } from '../parts/command-line.js'
import { API_VERSIONS, hostOf } from '../parts/marked-documents.js'
import { Prober } from '../parts/prober.js'
import { Wrongs } from './loaded-proxy.js'

/** Beyond the 6 s that are promised, for a machine that is busy. */
const SETTLE_MS = 20_000

/** G5: flips while etcd is killed and started again, and while every second answer of the API is spoilt. */
export async function faults({ seconds }: { readonly seconds: number }): Promise<Finding> {
  progress(`G5: flips, kills of etcd and spoilt answers for ${seconds} s`)
  const servers = new Child('marking-servers')
  const ports = await servers.call<number[]>('listen', 2)
  const api = new Child('config-api')
  const url = await api.call<string>('listen')
  await api.call('serve', { frontends: 100, backends: 100, ports, versions: API_VERSIONS })
  const flipper = await AliasFlipper.start()
  await flipper.write(0).acknowledged
  const proxy = new Child('proxy', { place: 'proxy' })
  const start: EtcdStart = { hosts: flipper.etcd.url, aliasKey: AliasFlipper.aliasKey, url }
  const [port = 0] = await proxy.call<number[]>('startEtcd', start)
  const load = new Child('load')
  await load.call('start', {
    port,
    connections: 32,
    frontends: 100,
    servers: 2,
    versions: API_VERSIONS,
    pauseMs: 2,
  })
  const prober = new Prober(port, { host: hostOf(1), servers: 2, pauseMs: 5 })
  let switches = 0
  let rejected: string | undefined
  proxy.on('switched', (_: Switched) => {
    switches += 1
  })
  proxy.on('rejected', (event: { version?: string }) => {
    rejected = event.version
  })

  await api.call('chaos', 0.5)
  const end = performance.now() + seconds * 1000
  let version = 0
  let kills = 0
  let flips = 0
  while (performance.now() < end) {
    await flipper.etcd.kill()
    kills += 1
    await delay(Math.random() * 300)
    await flipper.etcd.restart()
    for (let times = 0; times < 5 && performance.now() < end; times++) {
      version = (version + 1) % API_VERSIONS
      flips += await flipper.write(version).acknowledged.then(
        () => 1,
        () => 0,
      )
      await delay(200 + Math.random() * 300)
    }
  }

  await api.call('chaos', 0)
  await write(flipper, version)
  const calmAt = performance.now()
  const settles = (what: string, holds: () => boolean) =>
    eventually(holds, what, SETTLE_MS).then(
      () => 0,
      () => 1,
    )
  let unsettled = await settles('the last version serves', () => prober.version === version)
  const settledMs = performance.now() - calmAt
  const invalid = API_VERSIONS
  await api.call('serveInvalid', `/bench/v${invalid}`)
  await write(flipper, invalid)
  unsettled += await settles('the invalid one is rejected', () => rejected === `/bench/v${invalid}`)
  await delay(200)
  if (prober.version !== version) unsettled += 1
  prober.stop()
  await load.call('stop')
  const seen = await load.call<LoadResult>('measure')
  await Promise.all([proxy.stop(), api.stop(), servers.stop(), load.stop(), flipper.stop()])

  const wrongs = new Wrongs()
  wrongs.add(seen)
  wrongs.failed += prober.failed
  wrongs.mixed += prober.mixed
  wrongs.closed += prober.closed
  return {
    title:
      'G5: etcd killed and started again, half of the answers of the API spoilt; then an invalid version last',
    rows: [{ seconds, kills, flips, switches, requests: seen.requests, 'last version after ms': settledMs }],
    wrong: { ...wrongs.counts, 'not on the last valid version': unsettled },
    examples: [...wrongs.examples, ...prober.examples].slice(0, 5),
  }
}

/** Until etcd takes it. */
async function write(flipper: AliasFlipper, version: number): Promise<void> {
  await eventually(
    () =>
      flipper.write(version).acknowledged.then(
        () => true,
        () => false,
      ),
    'etcd takes a write',
    SETTLE_MS,
  )
}
