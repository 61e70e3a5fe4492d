import { parseDuration } from '../../base/parse-duration.js'
import { jittered, pause } from '../../base/timing.js'
import type { HealthCheck } from '../../model/config.js'
import type { ConnectionOptions } from '../upstream/connector.js'
import type { Upstream } from '../upstream/upstream.js'
import { ConnectionCheck } from './connection-check.js'
import { type Check, type Finding, NOT_MADE } from './finding.js'
import type { LiveServer } from './live-server.js'
import { ResponseCheck } from './response-check.js'

/**
 * The share by which the time between two health checks varies at random. Otherwise many proxies could check a server at once.
 */
const JITTER = 0.1

/** The objects with which health checks open their connections. */
export interface CheckTools {
  /** Creates an upstream for an origin such as `http://host:port`. Only one health check uses it. */
  readonly newUpstream: (origin: string, address?: string) => Upstream
  readonly connection: ConnectionOptions
}

/** The times and thresholds of a backend's health checks, as numbers. */
interface Plan {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly unhealthyThreshold: number
  readonly healthyThreshold: number
}

/** Checks the health of one backend's servers, again and again while the backend serves. */
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

  /** Starts the health checks. The first check of each server begins at once. A second call does nothing. */
  start(): void {
    if (this.#stopped) return
    this.#stopped = new AbortController()
    for (const server of this.#servers) void this.#watch(server, this.#stopped.signal)
  }

  /**
   * Stops the health checks. Their results stay with the servers, so the health checks of the next generation continue from them.
   */
  stop(): void {
    // `stop` may be called before `start`, because the backends of a snapshot begin to serve one after another. Then `start` must
    // do nothing.
    this.#stopped ??= new AbortController()
    this.#stopped.abort()
  }

  /** Checks the health of one server again and again, until `signal` aborts. Never rejects. */
  async #watch(server: LiveServer, signal: AbortSignal): Promise<void> {
    const { intervalMs, timeoutMs } = this.#plan
    while (!signal.aborted) {
      const finding = await checked(this.#begin(server), timeoutMs, signal)
      if (signal.aborted) return
      this.#judge(server, finding)
      await pause(jittered(intervalMs, JITTER), signal)
    }
  }

  /** Takes a server out of rotation, or puts it back, as soon as enough consecutive health checks agree. */
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

  /** Begins one health check of a server, as the configuration says. */
  #begin(server: LiveServer): Check {
    const url = new URL(server.url)
    const { scheme, port, path = '/', hostname, headers = {} } = this.#config
    // `URL` drops a port that is the default of its URL scheme. So the port comes from the URL's text, and is set after the
    // scheme was changed. Otherwise, the check of `http://a:80` with the scheme `https` would go to port 443.
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
 * Resolves to the result of a health check. A check that takes too long has a result too: the server is unhealthy. If the signal
 * aborts, the check ends and the result is undefined. `AbortSignal.any` would be shorter, but each call of it keeps memory for as
 * long as the source signal lives.
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
