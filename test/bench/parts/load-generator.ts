import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Place, pinned } from './cores.js'

const run = promisify(execFile)

/** What is asked, again and again, over so many connections. */
export interface Workload {
  readonly name: string
  readonly path?: string
  /** Bytes of a body; with one, the requests are POSTs. */
  readonly bodyBytes?: number
  /** A connection for each request. */
  readonly close?: boolean
  readonly connections: number
}

/** What came of it. */
export interface LoadFigures {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers that are none of 2xx, and connections that broke. */
  readonly failed: number
}

const wrk = works('wrk', ['-v'])

/** What makes the load, for the table's heading. */
export const generatorName = wrk ? 'wrk' : 'autocannon'

/** Puts a load on a port for so many seconds. */
export function load(
  port: number,
  workload: Workload,
  seconds: number,
  place: Place = 'rest',
): Promise<LoadFigures> {
  return wrk ? byWrk(port, workload, seconds, place) : byAutocannon(port, workload, seconds, place)
}

const folder = wrk ? mkdtempSync(join(tmpdir(), 'bench-wrk-')) : ''

async function byWrk(port: number, workload: Workload, seconds: number, place: Place): Promise<LoadFigures> {
  const { path = '/', bodyBytes = 0, close = false, connections, name } = workload
  const script = join(folder, `${name.replaceAll(/\W+/g, '-')}.lua`)
  writeFileSync(script, scriptOf(bodyBytes, close))
  const url = `http://127.0.0.1:${port}${path}`
  const args = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', script, url]
  const [command, ...rest] = pinned(place, args)
  const { stdout } = await run(command as string, rest, { maxBuffer: 1 << 20 })
  const line = /FIGURES (\S+) (\S+) (\S+) (\S+) (\S+)/.exec(stdout)
  if (!line) throw new Error(`wrk said no figures:\n${stdout}`)
  const [requests = 0, microseconds = 1, p50 = 0, p99 = 0, failed = 0] = line.slice(1).map(Number)
  return { perSecond: requests / (microseconds / 1e6), p50: p50 / 1e3, p99: p99 / 1e3, failed }
}

function scriptOf(bodyBytes: number, close: boolean): string {
  return `
${bodyBytes > 0 ? `wrk.method = "POST"; wrk.body = string.rep("x", ${bodyBytes})` : ''}
${close ? 'wrk.headers["Connection"] = "close"' : ''}
done = function(summary, latency)
  local e = summary.errors
  -- With a connection for each request, wrk counts each end of one as an error of reading.
  local broken = ${close ? '0' : 'e.read'} + e.connect + e.write + e.timeout + e.status
  io.write(string.format("FIGURES %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), broken))
end`
}

interface AutocannonResult {
  readonly requests: { readonly total: number }
  readonly duration: number
  readonly latency: { readonly p50: number; readonly p99: number; readonly p99_9: number }
  readonly errors: number
  readonly non2xx: number
}

async function byAutocannon(
  port: number,
  { path = '/', bodyBytes = 0, close = false, connections }: Workload,
  seconds: number,
  place: Place,
): Promise<LoadFigures> {
  const body = bodyBytes > 0 ? ['-m', 'POST', '-b', 'x'.repeat(bodyBytes)] : []
  const closing = close ? ['-H', 'Connection=close', '-D', '1'] : []
  const counts = ['-c', String(connections), '-d', String(seconds)]
  return figuresOf(
    await autocannon([...counts, ...body, ...closing, `http://127.0.0.1:${port}${path}`], place),
  )
}

/**
 * So many requests a second, whatever the answers: how long they took is counted from when they should have left, so that
 * a proxy that stands still does not hide what it held up.
 */
export async function loadAtRate(
  port: number,
  { rate, connections, seconds }: { rate: number; connections: number; seconds: number },
): Promise<LoadFigures & { readonly p999: number }> {
  const args = ['-c', String(connections), '-d', String(seconds), '-R', String(rate)]
  const result = await autocannon([...args, `http://127.0.0.1:${port}/`], 'rest')
  return { ...figuresOf(result), p999: result.latency.p99_9 }
}

async function autocannon(args: readonly string[], place: Place): Promise<AutocannonResult> {
  const program = fileURLToPath(new URL('../node_modules/autocannon/autocannon.js', import.meta.url))
  const [command, ...rest] = pinned(place, [process.execPath, program, '--json', ...args])
  const { stdout } = await run(command as string, rest, { maxBuffer: 1 << 24 })
  return JSON.parse(stdout) as AutocannonResult
}

function figuresOf({ requests, duration, latency, errors, non2xx }: AutocannonResult): LoadFigures {
  return { perSecond: requests.total / duration, p50: latency.p50, p99: latency.p99, failed: errors + non2xx }
}

function works(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch (error) {
    // wrk says its version and fails; what is not there has no status.
    return (error as { status?: number | null }).status != null
  }
}
