import { onTestFinished } from 'vitest'

/** What is thrown with nobody to catch it, for the length of a test; Vitest's own listeners must not see it. */
export function catchUncaught(): unknown[] {
  return catchEvent('uncaughtException')
}

/** What ends a process: errors that nobody catches, and rejections that nobody hears. */
export function catchFatal(): unknown[] {
  const uncaught = catchEvent('uncaughtException')
  catchEvent('unhandledRejection', uncaught)
  return uncaught
}

/** Warnings of this package, as `code: message`, for the length of a test. */
export function catchWarnings(): string[] {
  const caught: string[] = []
  const onWarning = (warning: Error & { code?: string }) => {
    if (warning.name.startsWith('Switchover'))
      caught.push(`${warning.code ?? warning.name}: ${warning.message}`)
  }
  // Node's own would print each of them.
  const others = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  onTestFinished(() => {
    process.removeAllListeners('warning')
    for (const listener of others) process.on('warning', listener)
  })
  return caught
}

function catchEvent(event: string, caught: unknown[] = []): unknown[] {
  const others = process.listeners(event as 'exit')
  process.removeAllListeners(event)
  process.on(event, (error) => caught.push(error))
  onTestFinished(() => {
    process.removeAllListeners(event)
    for (const listener of others) process.on(event, listener)
  })
  return caught
}
