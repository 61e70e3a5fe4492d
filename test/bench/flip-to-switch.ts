import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { EtcdStart, Switched } from './children/proxy.js'
import { AliasFlipper } from './parts/alias-flipper.js'
import { buildPackage } from './parts/built-package.js'
import { Child, profileProxies } from './parts/child.js'
import {
  COMMON_HELP,
  COMMON_OPTIONS,
  type Finding,
  progress,
  type Row,
  runBench,
} from './parts/command-line.js'
import type { LoopBlock } from './parts/loop-probe.js'
import { type DocumentShape, hostOf } from './parts/marked-documents.js'
import { median, percentile, spread } from './parts/percentiles.js'
import { Prober } from './parts/prober.js'

const HELP = `npm run bench:flip [-- OPTIONS]

How long it takes from a write of the alias key, in a real etcd, to the first response of the new version, for documents
of several sizes; and how long the largest holds up other requests.

  --flips N        per size; default 500 (quick: 40, and 4 of more than 5,000)
  --sizes N,N      frontends, and as many backends; default 1,100,500,10000 (quick: without 500)
  --blocks N       flips of the largest size in which turns of the event loop are timed; default 50 (quick: 3)${COMMON_HELP}`

const { values } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    flips: { type: 'string' },
    sizes: { type: 'string' },
    blocks: { type: 'string' },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const sizes = (values.sizes ?? (values.quick ? '1,100,10000' : '1,100,500,10000')).split(',').map(Number)
const largest = Math.max(...sizes)
const flipsOf = (size: number) =>
  values.flips !== undefined ? Number(values.flips) : !values.quick ? 500 : size < 5000 ? 40 : 4
const blockFlips = Number(values.blocks ?? (values.quick ? 3 : 50))

/** In milliseconds; p50, then p99. */
const TARGETS: Readonly<Record<number, string>> = { 1: '4/20', 100: '6/30', 500: '10/40', 10000: '100/-' }

/** As many as the API has at a time. */
const VERSIONS = 4

interface Flip {
  readonly put: number
  readonly switched: number
  readonly answered: number
  readonly steps: Switched['steps']
}

/** Everything but the proxy, for all sizes; a proxy of its own for each. */
class Stage {
  readonly flipper: AliasFlipper
  readonly wrong = { failed: 0, mixed: 0, closed: 0 }
  readonly examples: string[] = []
  readonly #api: Child
  readonly #url: string
  readonly #ports: readonly number[]
  #version = 0

  private constructor(flipper: AliasFlipper, api: Child, url: string, ports: readonly number[]) {
    this.flipper = flipper
    this.#api = api
    this.#url = url
    this.#ports = ports
  }

  static async open(): Promise<Stage> {
    const api = new Child('config-api')
    const url = await api.call<string>('listen')
    const ports = await new Child('marking-servers').call<number[]>('listen', 2)
    return new Stage(await AliasFlipper.start(), api, url, ports)
  }

  /** @param servers how many marking servers take turns: one stays, of two each version has another */
  async withProxy<T>(
    size: number,
    servers: 1 | 2,
    work: (flip: () => Promise<Flip>, proxy: Child) => Promise<T>,
  ): Promise<T> {
    const ports = this.#ports.slice(0, servers)
    const shape: DocumentShape = { frontends: size, backends: size, ports }
    await this.#api.call('serve', { ...shape, versions: VERSIONS })
    await this.flipper.write(this.#version).acknowledged
    const proxy = new Child('proxy', { place: 'proxy' })
    const { aliasKey } = AliasFlipper
    const start: EtcdStart = { hosts: this.flipper.etcd.url, aliasKey, url: this.#url }
    const [port] = await proxy.call<number[]>('startEtcd', start)
    const prober = new Prober(port!, { host: hostOf(Math.floor(size / 2)), servers })
    try {
      return await work(() => this.#flip(proxy, prober), proxy)
    } finally {
      prober.stop()
      for (const what of ['failed', 'mixed', 'closed'] as const) this.wrong[what] += prober[what]
      this.examples.push(...prober.examples)
      await proxy.stop()
    }
  }

  async #flip(proxy: Child, prober: Prober): Promise<Flip> {
    this.#version = (this.#version + 1) % VERSIONS
    const switched = new Promise<Switched>((resolve) => {
      const listener = (event: Switched) => {
        if (event.version !== `v${this.#version}`) return
        proxy.off('switched', listener)
        resolve(event)
      }
      proxy.on('switched', listener)
    })
    const answered = prober.seen(this.#version)
    const { issuedAt, acknowledged } = this.flipper.write(this.#version)
    const { at, steps } = await switched
    return {
      put: (await acknowledged) - issuedAt,
      switched: at - issuedAt,
      answered: (await answered) - issuedAt,
      steps,
    }
  }
}

async function latencies(stage: Stage): Promise<Finding> {
  const rows: Row[] = []
  for (const size of sizes) {
    const flips = flipsOf(size)
    progress(`${flips} flips of ${size} + ${size}`)
    const measured = await stage.withProxy(size, 1, async (flip) => {
      for (let warmUp = 0; warmUp < flips / 2; warmUp++) await flip()
      const found: Flip[] = []
      while (found.length < flips) {
        found.push(await flip())
        // At any point of whatever else goes on.
        await delay(Math.random() * 10)
      }
      return found
    })
    rows.push(latencyRow(size, measured))
  }
  return {
    title: 'From the write of the alias key to the first response of the new version, ms (p50/p99)',
    rows,
    notes: [
      'the write is acknowledged (put), noticed by the watch, read again (watch), and the document fetched; then validate,',
      'merge, compile and swap (p50 each); all but "first response" and "switched" is part of "switched"',
    ],
    wrong: stage.wrong,
    examples: stage.examples,
  }
}

function latencyRow(size: number, flips: readonly Flip[]): Row {
  const steps = Object.keys(flips[0]?.steps ?? {})
  const sum = (flip: Flip) => Object.values(flip.steps).reduce((total, step) => total + step, 0)
  return {
    'frontends + backends': `${size} + ${size}`,
    flips: flips.length,
    'first response': spread(flips.map(({ answered }) => answered)),
    target: TARGETS[size] ?? '',
    switched: spread(flips.map(({ switched }) => switched)),
    put: median(flips.map(({ put }) => put)),
    notice: median(flips.map((flip) => flip.switched - sum(flip))),
    ...Object.fromEntries(steps.map((step) => [step, median(flips.map((flip) => flip.steps[step] ?? 0))])),
  }
}

async function blocks(stage: Stage): Promise<Finding> {
  const rows: Row[] = []
  for (const servers of values.quick ? ([2] as const) : ([1, 2] as const)) {
    progress(`${blockFlips} flips of ${largest} + ${largest} with the event loop watched`)
    const found = await stage.withProxy(largest, servers, async (flip, proxy) => {
      await proxy.call('timeParsing')
      for (let warmUp = 0; warmUp < blockFlips / 3; warmUp++) await flip()
      const measured: LoopBlock[] = []
      while (measured.length < blockFlips) {
        await proxy.call('startProbe')
        await flip()
        // Also the letting go of what was.
        await delay(50)
        measured.push(await proxy.call<LoopBlock>('stopProbe'))
      }
      return measured
    })
    const column = (name: keyof LoopBlock) => found.map((block) => block[name])
    rows.push({
      version: servers === 1 ? 'other paths, same servers' : 'other servers',
      flips: found.length,
      'longest turn p50': median(column('longest')),
      p99: percentile(column('longest'), 0.99),
      max: Math.max(...column('longest')),
      target: 10,
      'JSON.parse p50': median(column('parse')),
      'garbage p50': median(column('garbage')),
      "node's monitor, max": Math.max(...column('monitor')),
    })
  }
  return {
    title: `The longest turn of the proxy's event loop in a flip of ${largest} + ${largest}, without JSON.parse, ms`,
    rows,
    notes: ['"garbage" is the longest single pause for it; "monitor" counts JSON.parse too'],
    wrong: stage.wrong,
    examples: stage.examples,
  }
}

profileProxies(values.profile)
buildPackage(values.package)
const stage = await Stage.open()
await runBench(
  'flip-to-switch',
  [() => latencies(stage), ...(blockFlips > 0 ? [() => blocks(stage)] : [])],
  values.json,
)
