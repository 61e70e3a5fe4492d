import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'

/** The process or the system lacks descriptors or memory for sockets: no server can be connected to. */
const SHORT = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAI_MEMORY'])

/** All ports of our own towards one server are taken, or there is no address of its kind here. */
const NO_ADDRESS = 'EADDRNOTAVAIL'

/**
 * Whether a connection failed for what is short on our own side: that says nothing of the server. Where several addresses
 * of a name were tried, an address that we lack may have been but one of them: only if all fail so is it ours.
 */
export function isShortage(thrown: unknown): boolean {
  const codes = codesOf(thrown)
  if (codes.some((code) => SHORT.has(code))) return true
  if (codes.length > 0 && codes.every((code) => code === NO_ADDRESS)) return true
  const { syscall, code } = (thrown ?? {}) as NodeJS.ErrnoException
  if (syscall !== 'getaddrinfo') return false
  // Without a descriptor the system cannot look a name up. It says that it is busy, or that there is no such name.
  return code === 'EBUSY' || lacksDescriptors()
}

/** Whether another server may still be connected to: ports are counted for each. */
export function isShortageOfOneServer(thrown: unknown): boolean {
  return codesOf(thrown).every((code) => code === NO_ADDRESS)
}

function codesOf(thrown: unknown): readonly string[] {
  const errors: readonly unknown[] = thrown instanceof AggregateError ? thrown.errors : [thrown]
  return errors.map((error) => String((error as NodeJS.ErrnoException | undefined)?.code))
}

function lacksDescriptors(): boolean {
  try {
    closeSync(openSync(devNull, 'r'))
    return false
  } catch (error) {
    return SHORT.has(String((error as NodeJS.ErrnoException).code))
  }
}
