import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/** The most file descriptors that clients' connections leave to others. */
const MAX_RESERVED = 64

/** The numbers of file descriptors from which on a process has few left. */
export class Descriptors {
  /** The first descriptor that is too high for a client's connection. A client that gets it is kept only if another one goes. */
  readonly forClients: number
  /**
   * The first descriptor that is too high for a connection to a server. It is above `forClients`, so that the proxy can still
   * accept a client that comes then.
   */
  readonly forServers: number

  /**
   * @param limit the most descriptors of the process. By default it is the limit that Linux reports. Other systems report none.
   */
  constructor(limit = limitOfProcess()) {
    const reserved = Math.min(MAX_RESERVED, limit / 4)
    this.forClients = limit - reserved
    this.forServers = limit - reserved / 2
  }
}

let ofProcess: Descriptors | undefined

/** Returns the limits of this process. The system is asked once. */
export function descriptors(): Descriptors {
  ofProcess ??= new Descriptors()
  return ofProcess
}

/**
 * Returns the file descriptor of a socket, or -1 if it is not known. The system gives out the lowest free number, so the number
 * shows how many are in use.
 */
export function descriptorOf(socket: Socket): number {
  return (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}

function limitOfProcess(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
