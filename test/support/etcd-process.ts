import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { EtcdGuard } from './etcd-guard.js'
import { etcdEnvironment } from './etcd-run.js'

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * One run of the etcd program. Signals go through the child's handle, which knows when its id is no longer
 * its.
 */
export class EtcdProcess {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  #ended = false
  /** Settles when it has exited, or could not be started. */
  readonly exited: Promise<void>

  constructor(etcd: string, args: readonly string[], guard: EtcdGuard) {
    const child = spawn(etcd, args, { stdio: ['ignore', 'ignore', 'pipe'], env: etcdEnvironment() })
    this.#child = child
    running.add(child)
    if (child.pid !== undefined) guard.watch(child.pid)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keep(text))
    this.exited = new Promise((resolve) => {
      const end = () => {
        if (this.#ended) return
        this.#ended = true
        running.delete(child)
        guard.watch(undefined)
        resolve()
      }
      child.once('error', (error) => {
        this.#keep(`${error.message}\n`)
        if (child.pid === undefined) end()
      })
      // Not 'exit': at 'close' its last words have been read too.
      child.once('close', end)
    })
  }

  get pid(): number {
    if (this.#ended || this.#child.pid === undefined) throw new Error('etcd is not running')
    return this.#child.pid
  }

  get isRunning(): boolean {
    return !this.#ended
  }

  /** What it said last. */
  get lastLines(): string {
    return this.#lines.join('\n').trim()
  }

  /** Stops it in its tracks, and resolves when all its threads stand still. */
  async pause(): Promise<void> {
    const { pid } = this
    this.#child.kill('SIGSTOP')
    const deadline = Date.now() + 2000
    while (this.isRunning && !(await standsStill(pid))) {
      if (Date.now() > deadline) throw new Error(`etcd ${pid} goes on running after SIGSTOP`)
      await delay(1)
    }
  }

  resume(): void {
    if (!this.#child.kill('SIGCONT')) throw new Error('etcd is not running')
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  /** Asks it to end, and insists after the given time. */
  async end(graceMs: number): Promise<void> {
    this.#child.kill('SIGTERM')
    // A paused one would not notice.
    this.#child.kill('SIGCONT')
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.exited
    clearTimeout(insist)
  }

  #keep(text: string): void {
    const unfinished = this.#lines.pop() ?? ''
    this.#lines.push(...(unfinished + text).split('\n'))
    this.#lines.splice(0, this.#lines.length - 40)
  }
}

/** The signal stops one thread after the other. Where there is no `/proc` to ask, it is taken to be done. */
async function standsStill(pid: number): Promise<boolean> {
  const folder = `/proc/${pid}/task`
  const threads = await readdir(folder).catch(() => [])
  const states = await Promise.all(
    threads.map(async (thread) => {
      const status = await readFile(`${folder}/${thread}/stat`, 'utf8').catch(() => ') X')
      return status.charAt(status.lastIndexOf(')') + 2)
    }),
  )
  return states.every((state) => 'TtXZ'.includes(state))
}
