import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { quote } from '../../base/messages.js'
import { parseDuration } from '../../base/parse-duration.js'
import { jittered, pause } from '../../base/timing.js'
import type { HealthCheck } from '../../model/config.js'
import type { RawFields } from '../headers/raw-fields.js'
import type { ConnectionOptions } from '../upstream/connector.js'
import { toProxyError } from '../upstream/failures.js'
import type { ResponseController, ResponseHandler } from '../upstream/sent-request.js'
import type { Upstream } from '../upstream/upstream.js'
import type { LiveServer } from './live-server.js'

/** From one check to the next a tenth more or less, so that many proxies do not ask at once. */
const JITTER = 0.1

/** Of a body that must hold a text, no more is looked at. */
const MAX_BODY = 64 * 1024

/** What checks are made with. */
export interface CheckTools {
  /** One for an origin, that nobody else uses. */
  readonly newUpstream: (origin: string, address?: string) => Upstream
  readonly connection: ConnectionOptions
}

/** The check could not be made for what is short on our own side. */
const NOT_MADE = Symbol('not made')

/** What a check found: why the server is not well, or nothing. */
type Finding = string | undefined | typeof NOT_MADE

function findingOf(thrown: unknown): Finding {
  const { code, message } = toProxyError(thrown)
  return code === 'PROXY_OUT_OF_RESOURCES' ? NOT_MADE : message
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
      await pause(jittered(intervalMs, JITTER), signal)
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

/** One check under way. */
interface Check {
  readonly finding: Promise<Finding>
  /** Gives it up and lets go of all that it holds. Also called after its end. */
  end(): void
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

/** Whether a port takes connections. */
class ConnectionCheck implements Check {
  readonly finding: Promise<Finding>
  readonly #end: () => void

  constructor({ hostname, port, protocol }: URL, { networks }: ConnectionOptions, address?: string) {
    const defaultPort = protocol === 'https:' ? 443 : 80
    const host = address ?? hostname.replace(/^\[|\]$/g, '')
    const flaw = networks.flawOf(host)
    if (flaw) {
      this.#end = () => {}
      this.finding = Promise.resolve(flaw.message)
      return
    }
    const { lookup } = networks
    const socket = connect({ host, port: port === '' ? defaultPort : Number(port), lookup })
    this.#end = () => socket.destroy()
    this.finding = new Promise((resolve) => {
      socket.on('connect', () => resolve(undefined))
      socket.on('error', (error) => resolve(findingOf(error)))
    })
  }

  end(): void {
    this.#end()
  }
}

/** Whether a response is as it should be. On a connection of its own: one that stands says nothing of those to come. */
class ResponseCheck implements Check, ResponseHandler {
  readonly finding: Promise<Finding>
  readonly #upstream: Upstream
  readonly #isExpected: (status: number) => boolean
  readonly #text: string | undefined
  #resolve: (finding: Finding) => void = () => {}
  #controller: ResponseController | undefined
  #body = ''

  constructor(
    upstream: Upstream,
    path: string,
    headers: string[],
    { status = '200-399', body }: HealthCheck,
  ) {
    this.#upstream = upstream
    this.#isExpected = expecting(status)
    this.#text = body
    this.finding = new Promise((resolve) => {
      this.#resolve = resolve
    })
    upstream.dispatch({ method: 'GET', path, headers, body: null, upgrade: null }, this, true)
  }

  end(): void {
    this.#controller?.abort(new Error('the health check is over'))
    void this.#upstream.destroy()
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller
  }

  onResponseStart(_controller: ResponseController, status: number): void {
    if (status < 200) return
    if (!this.#isExpected(status)) this.#resolve(`its health check was answered with ${status}`)
    else if (this.#text === undefined) this.#resolve(undefined)
  }

  onResponseData(_controller: ResponseController, chunk: Buffer): void {
    if (this.#text === undefined || this.#body.length > MAX_BODY) return
    this.#body += chunk.toString('latin1')
    if (this.#body.includes(Buffer.from(this.#text).toString('latin1'))) this.#resolve(undefined)
  }

  onResponseEnd(): void {
    this.#resolve(
      this.#text === undefined
        ? undefined
        : `the body of its health check does not hold ${quote(this.#text)}`,
    )
  }

  onResponseError(error: Error): void {
    this.#resolve(findingOf(error))
  }

  onRequestUpgrade(_fields: RawFields, socket: Duplex): void {
    socket.destroy()
    this.#resolve('its health check was answered with another protocol')
  }
}

/** `200-399`, `200,204`: the text was checked with the document. */
function expecting(text: string): (status: number) => boolean {
  const ranges = text.split(',').map((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return [from, to] as const
  })
  return (status) => ranges.some(([from, to]) => status >= from && status <= to)
}
