import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

export const cores = availableParallelism()

/** Whether processes can be told which core to run on. */
const canPin = cores > 1 && works('taskset', ['-c', '0', 'true'])

/** Where a process runs: the proxy alone on the first core, all else on the others, unless it may run anywhere. */
export type Place = 'proxy' | 'rest' | 'anywhere'

/** A command, told where to run. */
export function pinned(place: Place, command: readonly string[]): readonly string[] {
  return canPin ? ['taskset', '-c', coresOf(place), ...command] : command
}

/** Moves this process, and what it starts without saying where, away from the proxy's core. */
export function leaveProxyAlone(): void {
  if (canPin) execFileSync('taskset', ['-acp', coresOf('rest'), String(process.pid)], { stdio: 'ignore' })
}

/** For people: where things run. */
export function describeCores(): string {
  return canPin
    ? `${cores} cores: the proxy alone on one, all else on ${cores === 2 ? 'the other' : 'the others'}`
    : `${cores} cores, shared by everything: there is no taskset to pin processes with`
}

function coresOf(place: Place): string {
  if (place === 'anywhere') return `0-${cores - 1}`
  if (place === 'proxy') return '0'
  return cores === 2 ? '1' : `1-${cores - 1}`
}

function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
