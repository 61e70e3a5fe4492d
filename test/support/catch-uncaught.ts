import { onTestFinished } from 'vitest'

/** What is thrown with nobody to catch it, for the length of a test; Vitest's own listeners must not see it. */
export function catchUncaught(): unknown[] {
  const caught: unknown[] = []
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => caught.push(error))
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
  })
  return caught
}
