import { readFileSync } from 'node:fs'

/** Resident memory of a process in MiB, as Linux tells it; NaN elsewhere. */
export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1]) / 1024
}

/** Processor time that a process has used, in seconds, as Linux tells it, in steps of 10 ms; NaN elsewhere. */
export function cpuSeconds(pid: number): number {
  // Behind the name, which stands in brackets and may hold anything.
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
