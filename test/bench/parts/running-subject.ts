import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A process of the bench that listens: a proxy, or the origin behind it. */
export interface Subject {
  readonly port: number
  readonly pid: number
  /** What a subject of ours knows of itself; undefined from programs that cannot be asked. */
  ask?<T>(question: string): Promise<T>
  stop(): Promise<void>
}

/** Asks a process to end, and ends it if it does not. */
export async function endProcess(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  ask()
  const limit = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await exited
  clearTimeout(limit)
}
