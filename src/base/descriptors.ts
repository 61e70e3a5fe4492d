import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Descriptors that clients' connections leave to others, at most. */
const MAX_RESERVED = 64

/** How many descriptors a process may have, and from which on few are left. */
export class Descriptors {
  /** The first that a new client connection may have only if another one goes. */
  readonly forClients: number
  /** The first that no connection to a server may have: a client that comes then must still be taken on. */
  readonly forServers: number

  /** @param limit default: what Linux says; elsewhere none is known */
  constructor(limit = limitOfProcess()) {
    const reserved = Math.min(MAX_RESERVED, limit / 4)
    this.forClients = limit - reserved
    this.forServers = limit - reserved / 2
  }
}

let ofProcess: Descriptors | undefined

/** Those of this process; its limit is read once. */
export function descriptors(): Descriptors {
  ofProcess ??= new Descriptors()
  return ofProcess
}

/** A socket's. The system gives out the lowest that is free, so that it says how many there are. -1 if it is not known */
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
