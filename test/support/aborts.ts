import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { AbortReport } from './abort-child.js'

const PROGRAM = fileURLToPath(new URL('./abort-child.ts', import.meta.url))
const MOST_HEAP_GROWTH = 0.1
const NOTICED_MS = 10_000

/** Mixed aborts against a proxy in a process of its own, which must be as it was before when they are over. */
export async function expectAbortsLeaveNothing(aborts: number): Promise<void> {
  const child = fork(PROGRAM, { execArgv: ['--import', 'tsx', '--expose-gc'] })
  try {
    const report = await new Promise<AbortReport>((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', (code, signal) => reject(new Error(`the process ended: ${signal ?? code}`)))
      child.send(aborts)
    })
    const { noticed, heapBefore, heapAfter, kinds, wrong, socketsLeft, resources } = report
    const mb = (bytes: number) => (bytes / 1e6).toFixed(2)
    console.log(
      `${aborts} aborts: noticed p50 ${noticed.p50.toFixed(1)} ms, max ${noticed.max.toFixed(1)} ms of ${noticed.count}; heap ${mb(heapBefore)} MB before, ${mb(heapAfter)} MB after`,
    )
    expect(wrong).toEqual([])
    expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(aborts)
    expect(Object.keys(kinds)).toHaveLength(17)
    expect({ socketsLeft, resources }).toEqual({ socketsLeft: 0, resources: [] })
    expect(noticed.count).toBeGreaterThan(aborts / 2)
    expect(noticed.max).toBeLessThan(NOTICED_MS)
    expect(heapAfter).toBeLessThan(heapBefore * (1 + MOST_HEAP_GROWTH))
  } finally {
    child.kill()
  }
}
