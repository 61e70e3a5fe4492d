import { parseDuration } from '../../base/parse-duration.js'
import { jittered, pause } from '../../base/timing.js'
import type { HealthCheck } from '../../model/config.js'
import type { ConnectionOptions } from '../upstream/connector.js'
import type { Upstream } from '../upstream/upstream.js'
import { ConnectionCheck } from './connection-check.js'
import { type Check, type Finding, NOT_MADE } from './finding.js'
import type { LiveServer } from './live-server.js'
import { ResponseCheck } from './response-check.js'

/** The share by which the time between two checks varies, so that many proxies do not check at once. */
const JITTER = 0.1

/** The tools for making health checks. */
export interface CheckTools {
  /** Returns an upstream of an origin that only one check uses. */
  readonly newUpstream: (origin: string, address?: string) => Upstream
  readonly connection: ConnectionOptions
}

/** The times and thresholds of a backend's checks, as numbers. */
interface Plan {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly unhealthyThreshold: number
  readonly healthyThreshold: number
}

/** Checks the servers of one backend again and again while the backend serves. */
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

  /** Starts the checks, the first one of each server at once. A second call does nothing. */
  start(): void {
    if (this.#stopped) return
    this.#stopped = new AbortController()
    for (const server of this.#servers) void this.#watch(server, this.#stopped.signal)
  }

  /** Stops the checks. Their findings stay, so the checks of the next generation continue from them. */
  stop(): void {
    // Backends begin in slices, so `stop` may come before `start`. Then `start` must do nothing.
    this.#stopped ??= new AbortController()
    this.#stopped.abort()
  }

  /** Checks one server until the checks stop. Never rejects. */
  async #watch(server: LiveServer, signal: AbortSignal): Promise<void> {
    const { intervalMs, timeoutMs } = this.#plan
    while (!signal.aborted) {
      const finding = await checked(this.#begin(server), timeoutMs, signal)
      if (signal.aborted) return
      this.#judge(server, finding)
      await pause(jittered(intervalMs, JITTER), signal)
    }
  }

  /** Takes a server out of rotation, or puts it back, as soon as enough consecutive checks agree. */
  #judge({ state }: LiveServer, finding: Finding): void {
    if (finding === NOT_MADE) return
    const isHealthy = finding === undefined
    const { lastChecks } = state
    const consecutive = isHealthy === lastChecks.wereHealthy ? lastChecks.consecutive + 1 : 1
    state.lastChecks = { wereHealthy: isHealthy, consecutive }
    if (finding === undefined && consecutive >= this.#plan.healthyThreshold)
      state.putBack('check', 'its health check succeeded')
    else if (finding !== undefined && consecutive >= this.#plan.unhealthyThreshold)
      state.takeOut('check', finding)
  }

  /** Begins one check of a server, as the configuration says. */
  #begin(server: LiveServer): Check {
    const url = new URL(server.url)
    const { scheme, port, path = '/', hostname, headers = {} } = this.#config
    // `URL` drops a port that is its scheme's default. So the port comes from the text, and is set after the scheme.
    const written = port ?? /^https?:\/\/[^/]*:(\d+)(?:\/|$)/i.exec(server.url)?.[1]
    if (scheme !== undefined && scheme !== 'tcp') url.protocol = scheme
    if (written !== undefined) url.port = String(written)
    if (scheme === 'tcp') return new ConnectionCheck(url, this.#tools.connection, server.address)
    const given = Object.entries(headers)
    const [, named] = given.find(([name]) => name.toLowerCase() === 'host') ?? []
    const fields = ['host', named ?? hostname ?? url.host, 'user-agent', 'switchover-health-check']
    for (const [name, value] of given) if (name.toLowerCase() !== 'host') fields.push(name, value)
    return new ResponseCheck(this.#tools.newUpstream(url.origin, server.address), path, fields, this.#config)
  }
}

/**
 * Resolves to the finding of a check. A timeout is a finding too, and an abort ends the check without one. `AbortSignal.any`
 * would be shorter, but each call leaves memory behind for as long as its source signal lives.
 */
function checked(check: Check, timeoutMs: number, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve) => {
    const end = (finding: Finding) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      check.end()
      resolve(finding)
    }
    const abort = () => end(undefined)
    const onTimeout = () => end(`no answer to its health check within ${timeoutMs} ms`)
    const timer = setTimeout(onTimeout, timeoutMs).unref()
    signal.addEventListener('abort', abort)
    void check.finding.then(end)
  })
}
