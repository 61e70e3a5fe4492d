import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pinned } from './cores.js'

/** Where profiles of the proxies go, if anywhere; set by `profileProxies`. */
const PROFILE = 'SWITCHOVER_BENCH_PROFILE'

/** From now on every proxy leaves a CPU profile in a folder. */
export function profileProxies(folder: string | undefined): void {
  if (folder !== undefined) process.env[PROFILE] = folder
}

/** Sent to a child, and back with the same id. */
interface Question {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

interface Event {
  readonly event: string
  readonly payload: unknown
}

export interface ChildOptions {
  /** `proxy`: alone on the first core. Default: with everything else on the others. */
  readonly place?: 'proxy' | 'rest'
  /** Further arguments for node. */
  readonly nodeArguments?: readonly string[]
}

/** A process of the bench: one of the files in `children`, whose functions are called from here. Emits its events. */
export class Child extends EventEmitter {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #asked = 0
  #stopping = false

  constructor(name: string, { place = 'rest', nodeArguments = [] }: ChildOptions = {}) {
    super()
    const file = fileURLToPath(new URL(`../children/${name}.ts`, import.meta.url))
    const profile = place === 'proxy' ? profileArguments() : []
    const node = pinned(place, [process.execPath, ...process.execArgv, ...nodeArguments, ...profile])
    this.#process = fork(file, { execPath: node[0] as string, execArgv: node.slice(1) })
    this.#process.on('message', (message: Reply | Event) => this.#hear(message))
    this.#process.on('exit', (code, signal) => {
      const error = new Error(`${name} ended (${signal ?? code})`)
      for (const { reject } of this.#waiting.values()) reject(error)
      // A child that dies in the middle makes every figure worthless.
      if (!this.#stopping) throw error
    })
  }

  /** Calls a function of the child's. */
  call<T>(name: string, argument?: unknown): Promise<T> {
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.send({ id, name, argument } satisfies Question)
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    // It ends by itself, for a profile is written at the end; unless it is too busy to notice.
    this.#process.disconnect()
    const limit = setTimeout(() => this.#process.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(limit)
  }

  #hear(message: Reply | Event): void {
    if ('event' in message) {
      this.emit(message.event, message.payload)
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.error === undefined) waiting?.resolve(message.value as never)
    else waiting?.reject(new Error(message.error))
  }
}

export function profileArguments(): string[] {
  const folder = process.env[PROFILE]
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`]
}

/** In a child: the functions that may be called. Ends the process with its parent. */
export function answerCalls(functions: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('message', async ({ id, name, argument }: Question) => {
    try {
      const called = functions[name]
      if (!called) throw new Error(`there is no function ${name}`)
      process.send?.({ id, value: await called(argument as never) } satisfies Reply)
    } catch (error) {
      process.send?.({ id, error: (error as Error).stack ?? String(error) } satisfies Reply)
    }
  })
  process.on('disconnect', () => process.exit())
}

/** In a child: emits an event on the parent's side. */
export function tellParent(event: string, payload: unknown): void {
  process.send?.({ event, payload } satisfies Event)
}
