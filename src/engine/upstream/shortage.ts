import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'

/**
 * Error codes for a lack of file descriptors, or of memory for sockets. Under such a shortage, the proxy can connect to no
 * server.
 */
const SHORT = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAI_MEMORY'])

/**
 * The error code of two cases: all local ports towards one server are in use, or this machine has no address of the server's
 * address family (IPv4 or IPv6).
 */
const NO_ADDRESS = 'EADDRNOTAVAIL'

/**
 * Returns whether a connection failed for a lack of resources on the proxy's own side. Such a failure says nothing about the
 * server. If Node tried several addresses of a host name, `EADDRNOTAVAIL` counts only if every address failed with it. A single
 * address may fail with it because this machine lacks that address family (IPv4 or IPv6).
 */
export function isShortage(thrown: unknown): boolean {
  const codes = codesOf(thrown)
  if (codes.some((code) => SHORT.has(code))) return true
  if (codes.length > 0 && codes.every((code) => code === NO_ADDRESS)) return true
  const { syscall, code } = (thrown ?? {}) as NodeJS.ErrnoException
  if (syscall !== 'getaddrinfo') return false
  // The lookup of a host name failed. Without a free file descriptor, the operating system reports EBUSY, or that the host name
  // does not exist. So check whether a descriptor is free.
  return code === 'EBUSY' || lacksDescriptors()
}

/**
 * Returns whether a shortage concerns only one server, so the proxy can still connect to other servers. The operating system
 * counts the local ports of each server separately.
 */
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
