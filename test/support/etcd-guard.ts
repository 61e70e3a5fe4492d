import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Reads process ids until its input ends, then kills the last one and removes the folder given. Terminal
 * signals reach it together with the test run, whose end it has to outlive.
 */
const script = `
trap '' HUP INT QUIT TERM
pid=
while read -r line; do pid=$line; done
[ -n "$pid" ] && kill -9 "$pid"
[ -n "$1" ] && rm -rf -- "$1"
`

/**
 * Ends an etcd whose test process is gone. A test worker is often killed and then runs no exit handler, but
 * the system closes its end of a pipe whatever happens; the shell at the other end waits for that.
 */
export class EtcdGuard {
  readonly #shell: ChildProcess
  readonly #ended: Promise<void>

  /** `folder` is removed too if the test process ends before `release`. */
  constructor(folder: string | undefined) {
    const args = ['-c', script, 'etcd-guard', folder ?? '']
    this.#shell = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' })
    this.#ended = new Promise((resolve) => {
      this.#shell.once('error', () => resolve())
      this.#shell.once('exit', () => resolve())
    })
    // It must not keep the test process alive in its turn.
    this.#shell.unref()
    const input = this.#shell.stdin as Socket | null
    input?.on('error', () => {})
    input?.unref()
  }

  /** Names the process to end, or undefined once it has ended and its id may become another's. */
  watch(pid: number | undefined): void {
    this.#shell.stdin?.write(`${pid ?? ''}\n`)
  }

  async release(): Promise<void> {
    this.#shell.ref()
    this.#shell.kill('SIGKILL')
    await this.#ended
  }
}
