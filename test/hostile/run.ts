import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { buildPackage } from '../bench/parts/built-package.js'
import { residentMiB } from '../bench/parts/process-figures.js'
import { Random } from '../fuzz/random.js'
import { httpGet } from '../support/http-get.js'
import type { Fared } from './bystander-child.js'
import { CLIENTS } from './clients.js'
import { DOCUMENTS, type HostileDocument } from './documents.js'
import { BENIGN, HostileSide, type Ports } from './hostile-side.js'
import type { Counts } from './proxy-child.js'
import { SERVERS } from './servers.js'

/** What one kind of hostility did to others. */
export interface KindFigures {
  acts: number
  /** The longest that a bystander waited, in milliseconds. */
  worstMs: number
  /** The most memory over that before the act, in MiB. */
  moreMiB: number
}

/** What came of it. */
export interface HostileFigures {
  readonly kinds: Readonly<Record<string, KindFigures>>
  readonly quiet: readonly number[]
  readonly hostile: readonly number[]
  /** Of bystanders, with the kind of hostility beside it. */
  readonly failures: readonly string[]
  /** The most memory over that of the quiet time, in MiB. */
  readonly moreMiB: number
  /** The memory in use at the end, once garbage is collected, over that of the quiet time, in MiB. */
  readonly leftMiB: number
  /** Refusals and switches that the proxy told of. */
  readonly rejected: number
  readonly changed: number
  /** Why the proxy's process ended, if it did. */
  readonly ended?: string
}

/** The longest that an act's after-effects are waited for. */
const SETTLE_MS = 30_000

/** The proxy, and bystanders who ask it for what they always ask for, each in a process of its own. */
class Stage {
  readonly side: HostileSide
  readonly folder: string
  readonly ports: Ports
  readonly #proxy: ChildProcess
  readonly #bystanders: ChildProcess
  ended: string | undefined

  private constructor(
    side: HostileSide,
    folder: string,
    ports: Ports,
    proxy: ChildProcess,
    bystanders: ChildProcess,
  ) {
    this.side = side
    this.folder = folder
    this.ports = ports
    this.#proxy = proxy
    this.#bystanders = bystanders
    proxy.on('exit', (code, signal) => {
      this.ended = `the proxy's process ended (${signal ?? code})`
    })
  }

  static async open(): Promise<Stage> {
    const side = await new HostileSide().open()
    const folder = await mkdtemp(join(tmpdir(), 'switchover-hostile-'))
    for (const [format, text] of Object.entries(BENIGN))
      await writeFile(join(folder, `rules.${format}`), text)
    const bystanders = start('bystander-child')
    const goodPort = await answerOf<number>(bystanders, 'serve')
    const proxy = start('proxy-child')
    const good = `http://127.0.0.1:${goodPort}`
    const ports = await answerOf<Ports>(proxy, {
      good,
      hostile: side.serverUrl,
      folder,
      documents: side.documentsUrl,
    })
    bystanders.send(ports)
    return new Stage(side, folder, ports, proxy, bystanders)
  }

  counts(): Promise<Counts> {
    return answerOf<Counts>(this.#proxy, 'counts')
  }

  fared(): Promise<Fared> {
    return answerOf<Fared>(this.#bystanders, 'since')
  }

  get memoryMiB(): number {
    return residentMiB(this.#proxy.pid as number)
  }

  /** Renames a document into place, as an operator should, and puts the one of before back. */
  async deliver({ format, text }: HostileDocument): Promise<void> {
    for (const content of [text, BENIGN[format]]) {
      const file = join(this.folder, `rules.${format}`)
      await writeFile(`${file}.new`, content)
      await rename(`${file}.new`, file)
      await delay(600)
    }
  }

  /** Resolves when the proxy answers one more request: what an act leaves behind is that act's. */
  async answers(): Promise<void> {
    const { port } = this.ports
    await Promise.race([httpGet({ port, host: 'good.test' }).catch(() => {}), delay(SETTLE_MS)])
  }

  async close(): Promise<void> {
    this.#proxy.removeAllListeners('exit')
    for (const child of [this.#proxy, this.#bystanders]) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      // One that stands still would not even notice that its parent leaves.
      const limit = setTimeout(() => child.kill('SIGKILL'), 5_000)
      child.disconnect()
      await once(child, 'exit')
      clearTimeout(limit)
    }
    await this.side.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function start(name: string): ChildProcess {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  return fork(file, { execArgv: ['--import', 'tsx', '--expose-gc'] })
}

async function answerOf<T>(child: ChildProcess, order: unknown): Promise<T> {
  const answer = once(child, 'message', { signal: AbortSignal.timeout(60_000) })
  child.send(order as object)
  return (await answer)[0] as T
}

type Act = (stage: Stage, random: Random) => Promise<void>

/** Every kind of hostility by its name. */
const ACTS: Readonly<Record<string, Act>> = {
  ...mapped('client', CLIENTS, (kind) => (stage, random) => {
    return stage.side.actAsClient(kind, random.below(2 ** 31), stage.ports)
  }),
  ...mapped(
    'server',
    SERVERS,
    (kind) => (stage, random) => stage.side.actAsServer(kind, random, stage.ports),
  ),
  ...mapped('document', DOCUMENTS, (kind) => (stage, random) => {
    const document = kind(random)
    return random.maybe(0.5) ? stage.deliver(document) : stage.side.offer(document)
  }),
}

function mapped<K>(
  what: string,
  kinds: Readonly<Record<string, K>>,
  act: (kind: K) => Act,
): Record<string, Act> {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [`${what}: ${name}`, act(kind)]))
}

/**
 * Draws acts of hostility, each kind before one comes again, while bystanders go on asking.
 *
 * @param options.only a part of the names of the kinds that are drawn. Default: all
 */
export async function hostile(options: {
  readonly seed: number
  readonly seconds: number
  readonly only?: string | undefined
  readonly tell?: (line: string) => void
}): Promise<HostileFigures> {
  const { seed, seconds, only = '', tell = () => {} } = options
  buildPackage()
  const stage = await Stage.open()
  // What is loaded and compiled at first is no one's fault.
  const warm = new Random(seed, 1)
  for (const kind of Object.values(DOCUMENTS).slice(0, 2)) await stage.side.offer(kind(warm))
  await stage.fared()
  const quietMiB = await peakOf(stage, delay(Math.min(10_000, (seconds * 1_000) / 5)))
  const { latencies: quiet, failures: early } = await stage.fared()
  const before = await stage.counts()
  await stage.fared()
  const tally = new Tally(early)
  const random = new Random(seed)
  const draw = deckOf(
    Object.keys(ACTS).filter((name) => name.includes(only)),
    random,
  )
  const end = performance.now() + seconds * 1_000
  while (performance.now() < end && stage.ended === undefined) {
    const name = draw()
    const beforeMiB = stage.memoryMiB
    const act = (ACTS[name] as Act)(stage, random).then(() => stage.answers())
    const peakMiB = await peakOf(stage, act)
    tally.moreMiB = Math.max(tally.moreMiB, peakMiB - quietMiB)
    tell(tally.add(name, await stage.fared(), peakMiB - beforeMiB))
  }
  const { ended } = stage
  const after = ended === undefined ? await stage.counts() : before
  await stage.close()
  const { kinds, latencies, failures, moreMiB } = tally
  return {
    ...{ kinds, quiet, hostile: latencies, failures, moreMiB },
    leftMiB: after.liveMiB - before.liveMiB,
    rejected: after.rejected - before.rejected,
    changed: after.changed - before.changed,
    ...(ended !== undefined && { ended }),
  }
}

/** What the acts of a run did to bystanders. */
class Tally {
  readonly kinds: Record<string, KindFigures> = {}
  readonly latencies: number[] = []
  readonly failures: string[]
  moreMiB = 0

  /** @param early what failed before there was any hostility */
  constructor(early: readonly string[]) {
    this.failures = early.map((failure) => `quiet: ${failure}`)
  }

  /** @returns a line for people */
  add(name: string, { latencies, failures }: Fared, moreMiB: number): string {
    this.latencies.push(...latencies)
    this.failures.push(...failures.map((failure) => `${name}: ${failure}`))
    const worstMs = Math.max(0, ...latencies)
    const known = this.kinds[name] ?? { acts: 0, worstMs: 0, moreMiB: 0 }
    this.kinds[name] = {
      acts: known.acts + 1,
      worstMs: Math.max(known.worstMs, worstMs),
      moreMiB: Math.max(known.moreMiB, moreMiB),
    }
    return `${name}: longest wait ${worstMs.toFixed(0)} ms, ${moreMiB.toFixed(0)} MiB more, ${failures.length} failed`
  }
}

/** Draws every name before one comes again. */
function deckOf(names: readonly string[], random: Random): () => string {
  let left: string[] = []
  return () => {
    if (left.length === 0) left = [...names]
    return left.splice(random.below(left.length), 1)[0] as string
  }
}

/** The most memory that the proxy has while something goes on. */
async function peakOf(stage: Stage, work: Promise<unknown>): Promise<number> {
  let peak = stage.memoryMiB
  const timer = setInterval(() => {
    peak = Math.max(peak, stage.memoryMiB)
  }, 20)
  await work
  clearInterval(timer)
  return Math.max(peak, stage.memoryMiB)
}
