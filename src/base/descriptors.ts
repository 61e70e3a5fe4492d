import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Maximum number of file descriptors that client connections may not use. They stay free for other uses, such as connections to
 * servers.
 */
const MAX_RESERVED = 64

/**
 * Limits for the numbers of file descriptors. A socket whose descriptor number reaches a limit shows that the process has few
 * descriptors left.
 */
export class Descriptors {
  /**
   * The lowest descriptor number that is too high for a client's connection. A client whose socket gets such a number is kept
   * only if another client's connection is closed.
   */
  readonly forClients: number
  /**
   * The lowest descriptor number that is too high for a connection to a server. It is above `forClients`, so server connections
   * can still be opened when clients have reached their limit. It is below the limit of the process, so that the proxy can still
   * accept a client.
   */
  readonly forServers: number

  constructor() {
    const limit = limitOfProcess()
    const reserved = Math.min(MAX_RESERVED, limit / 4)
    this.forClients = limit - reserved
    this.forServers = limit - reserved / 2
  }
}

let ofProcess: Descriptors | undefined

/** Returns the descriptor limits of this process. They are read from the operating system once. */
export function descriptors(): Descriptors {
  ofProcess ??= new Descriptors()
  return ofProcess
}

/**
 * Returns the file descriptor of a socket, or -1 if it is not known. The operating system assigns the lowest free number. So a
 * high number shows that many descriptors are in use.
 */
export function descriptorOf(socket: Socket): number {
  return (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}

/** Returns the maximum number of file descriptors of the process, as Linux reports it. Other systems report none. */
function limitOfProcess(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
