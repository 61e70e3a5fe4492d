import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { keysOf, putAll } from '../support/etcd-keys.js'
import type { KeysStart, Switched } from './children/proxy.js'
import { AliasFlipper } from './parts/alias-flipper.js'
import { buildPackage } from './parts/built-package.js'
import { Child, profileProxies } from './parts/child.js'
import { sharedNow } from './parts/clock.js'
import { COMMON_HELP, COMMON_OPTIONS, type Finding, progress, runBench } from './parts/command-line.js'
import { documentOf, hostOf } from './parts/marked-documents.js'
import { median, percentile, spread } from './parts/percentiles.js'
import { Prober } from './parts/prober.js'

const HELP = `npm run bench:keys [-- OPTIONS]

How long it takes until a configuration that stands in a real etcd key by key serves: from a write of its alias key to the
first response of the new version, and from a write of one key that is followed to the switch.

  --flips N        of each kind; default 200 (quick: 20)
  --size N         frontends, and as many backends; default 500${COMMON_HELP}`

const { values } = parseArgs({
  options: { ...COMMON_OPTIONS, flips: { type: 'string' }, size: { type: 'string' } },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const flips = Number(values.flips ?? (values.quick ? 20 : 200))
const size = Number(values.size ?? 500)
const VERSIONS = 2
const DEBOUNCE_MS = 100

const nextSwitch = (proxy: Child, accept: (event: Switched) => boolean) =>
  new Promise<Switched>((resolve) => {
    const listener = (event: Switched) => {
      if (!accept(event)) return
      proxy.off('switched', listener)
      resolve(event)
    }
    proxy.on('switched', listener)
  })

/** How many ranges an etcd has read. */
async function readsOf({ etcd }: AliasFlipper): Promise<number> {
  const text = await (await fetch(`${etcd.url}/metrics`)).text()
  return Number(/^etcd_debugging_mvcc_range_total (\d+)$/m.exec(text)?.[1])
}

async function byAlias(flipper: AliasFlipper): Promise<Finding> {
  progress(`${flips} flips of ${size} + ${size}`)
  const ports = await new Child('marking-servers').call<number[]>('listen', 1)
  for (let version = 0; version < VERSIONS; version++) {
    const document = documentOf(version, { frontends: size, backends: size, ports })
    await putAll(flipper.etcd, keysOf(document, `/bench/v${version}`))
  }
  await flipper.write(0).acknowledged
  const proxy = new Child('proxy', { place: 'proxy' })
  const start: KeysStart = { hosts: flipper.etcd.url, prefix: '/bench', debounceMs: DEBOUNCE_MS }
  const [port] = await proxy.call<number[]>('startKeys', start)
  const prober = new Prober(port!, { host: hostOf(Math.floor(size / 2)), servers: 1 })
  const answered: number[] = []
  const steps: Record<string, number[]> = {}
  let before = 0
  for (let flip = -10; flip < flips; flip++) {
    if (flip === 0) before = await readsOf(flipper)
    const version = (flip + 11) % VERSIONS
    const switched = nextSwitch(proxy, (event) => event.version === `v${version}`)
    const seen = prober.seen(version)
    const { issuedAt } = flipper.write(version)
    const { steps: taken } = await switched
    const at = (await seen) - issuedAt
    if (flip < 0) continue
    answered.push(at)
    for (const [step, ms] of Object.entries(taken)) steps[step] = [...(steps[step] ?? []), ms]
    await delay(Math.random() * 10)
  }
  const reads = ((await readsOf(flipper)) - before) / flips
  prober.stop()
  await proxy.stop()
  const p50 = percentile(answered, 0.5)
  return {
    title: 'From the write of the alias key to the first response of the new version, ms (p50/p99)',
    rows: [
      {
        'frontends + backends': `${size} + ${size}`,
        flips,
        'first response': spread(answered),
        'range reads a flip': reads,
        ...Object.fromEntries(Object.entries(steps).map(([step, all]) => [step, median(all)])),
      },
    ],
    goals: [
      {
        work: 'alias flip, 500 + 500',
        asked: 'p50 <= 40 ms',
        reached: `${p50.toFixed(1)} ms`,
        met: p50 <= 40,
      },
      { work: 'range reads a change', asked: '<= 3 + pages', reached: reads.toFixed(1), met: reads <= 4 },
    ],
    wrong: { failed: prober.failed, mixed: prober.mixed, closed: prober.closed },
    examples: prober.examples,
  }
}

async function byKey(flipper: AliasFlipper): Promise<Finding> {
  progress(`${flips} changes of one key of ${size} + ${size}`)
  const document = documentOf(0, { frontends: size, backends: size, ports: [9] })
  await putAll(flipper.etcd, keysOf(document, '/followed'))
  const proxy = new Child('proxy', { place: 'proxy' })
  const start: KeysStart = { hosts: flipper.etcd.url, prefix: '/followed', debounceMs: DEBOUNCE_MS }
  await proxy.call('startKeys', start)
  const taken: number[] = []
  for (let change = -5; change < flips; change++) {
    const switched = nextSwitch(proxy, () => true)
    const issuedAt = sharedNow()
    await flipper.etcd.put('/followed/frontends/web-7/priority', String(change + 100))
    const { at } = await switched
    if (change >= 0) taken.push(at - issuedAt)
  }
  await proxy.stop()
  const p50 = percentile(taken, 0.5)
  return {
    title: `From the write of one key below the prefix to the switch, ms (p50/p99), with debounceMs ${DEBOUNCE_MS}`,
    rows: [{ 'frontends + backends': `${size} + ${size}`, changes: flips, switched: spread(taken) }],
    goals: [
      {
        work: 'one key changed',
        asked: '<= debounceMs + 20 ms',
        reached: `debounceMs + ${(p50 - DEBOUNCE_MS).toFixed(1)} ms`,
        met: p50 <= DEBOUNCE_MS + 20,
      },
    ],
    wrong: { failed: 0 },
  }
}

profileProxies(values.profile)
buildPackage(values.package)
const flipper = await AliasFlipper.start()
await runBench('keys-in-etcd', [() => byAlias(flipper), () => byKey(flipper)], values.json)
