import { MAX_TIMER_MS } from '../../base/known-options.js'
import { parseDuration } from '../../base/parse-duration.js'
import type { HealthCheck } from '../../model/config.js'
import type { ConnectionOptions } from '../upstream/connector.js'
import type { Upstream } from '../upstream/upstream.js'
import { ConnectionCheck } from './connection-check.js'
import { type Check, type Finding, NOT_MADE } from './finding.js'
import type { LiveServer } from './live-server.js'
import { ResponseCheck } from './response-check.js'

/** From one check to the next a tenth more or less, so that many proxies do not ask at once. */
const JITTER = 0.1

/** What checks are made with. */
export interface CheckTools {
  /** One for an origin, that nobody else uses. */
  readonly newUpstream: (origin: string, address?: string) => Upstream
  readonly connection: ConnectionOptions
}

/** How a backend's servers are asked, in numbers. */
interface Plan {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly unhealthyThreshold: number
  readonly healthyThreshold: number
}

/** Asks the servers of one backend again and again whether they are well; begun and ended with it. */
export class HealthChecks {
  readonly #servers: readonly LiveServer[]
  readonly #config: HealthCheck
  readonly #plan: Plan
  readonly #tools: CheckTools
  #stopped: AbortController | undefined

  constructor(servers: readonly LiveServer[], config: HealthCheck, tools: CheckTools) {
    this.#servers = servers
    this.#config = config
    this.#plan = {
      intervalMs: parseDuration(config.interval) ?? 30_000,
      timeoutMs: parseDuration(config.timeout) ?? 5_000,
      unhealthyThreshold: config.unhealthyThreshold ?? 1,
      healthyThreshold: config.healthyThreshold ?? 1,
    }
    this.#tools = tools
  }

  /** The first check of each is made at once. A second call does nothing. */
  start(): void {
    if (this.#stopped) return
    this.#stopped = new AbortController()
    for (const server of this.#servers) void this.#watch(server, this.#stopped.signal)
  }

  /** What was found stays so: whoever keeps the server goes on from there. */
  stop(): void {
    // Also of one that never began: its turn may come after its end.
    this.#stopped ??= new AbortController()
    this.#stopped.abort()
  }

  /** Never rejects. */
  async #watch(server: LiveServer, signal: AbortSignal): Promise<void> {
    const { intervalMs, timeoutMs } = this.#plan
    while (!signal.aborted) {
      const finding = await checked(this.#begin(server), timeoutMs, signal)
      if (signal.aborted) return
      this.#tell(server, finding)
      const restMs = intervalMs * (1 - JITTER + Math.random() * 2 * JITTER)
      await pause(Math.min(restMs, MAX_TIMER_MS), signal)
    }
  }

  #tell({ state }: LiveServer, finding: Finding): void {
    if (finding === NOT_MADE) return
    const isWell = finding === undefined
    const { lastChecks } = state
    const inRow = isWell === lastChecks.wereWell ? lastChecks.inRow + 1 : 1
    state.lastChecks = { wereWell: isWell, inRow }
    if (finding === undefined && inRow >= this.#plan.healthyThreshold)
      state.putBack('check', 'its health check is well')
    else if (finding !== undefined && inRow >= this.#plan.unhealthyThreshold) state.takeOut('check', finding)
  }

  #begin(server: LiveServer): Check {
    const url = new URL(server.url)
    const { scheme, port, path = '/', hostname, headers = {} } = this.#config
    // The port after the scheme: it would be lost where it is the standard one of the scheme of before.
    const written = port ?? /^https?:\/\/[^/]*:(\d+)(?:\/|$)/i.exec(server.url)?.[1]
    if (scheme !== undefined && scheme !== 'tcp') url.protocol = scheme
    if (written !== undefined) url.port = String(written)
    if (scheme === 'tcp') return new ConnectionCheck(url, this.#tools.connection, server.address)
    const given = Object.entries(headers)
    const [, named] = given.find(([name]) => name.toLowerCase() === 'host') ?? []
    const fields = ['host', named ?? hostname ?? url.host, 'user-agent', 'switchover-health-check']
    for (const [name, value] of given) if (name.toLowerCase() !== 'host') fields.push(name, value)
    // A port of the scheme's own has none in the origin.
    return new ResponseCheck(this.#tools.newUpstream(url.origin, server.address), path, fields, this.#config)
  }
}

/** Without `AbortSignal.any`, of which each leaves something behind for as long as its source lives. */
function checked(check: Check, timeoutMs: number, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve) => {
    const end = (finding: Finding) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      check.end()
      resolve(finding)
    }
    const abort = () => end(undefined)
    const late = () => end(`no answer to its health check within ${timeoutMs} ms`)
    const timer = setTimeout(late, timeoutMs).unref()
    signal.addEventListener('abort', abort)
    void check.finding.then(end)
  })
}

/** Waits; an abort ends the wait, and is for the caller to see. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms).unref()
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
