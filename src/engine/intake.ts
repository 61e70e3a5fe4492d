import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Limits } from '../model/limits.js'
import type { RequestHandler, UpgradeHandler } from './client/handlers.js'
import type { LingeringClose } from './client/lingering-close.js'
import { Pipelines } from './client/pipelines.js'
import type { ListenerFailures } from './events/listener-failures.js'
import type { PendingUpgrade } from './exchange.js'
import { upgradeHandler } from './upgrade.js'

/** Begins a request when its turn has come. */
export type Begin = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
  pending?: PendingUpgrade,
) => void

/** Receives requests. It decides when they begin, and which upgrades become tunnels. */
export class Intake {
  readonly #pipelines: Pipelines
  readonly #headBytes: number
  /** Protocols that become tunnels, in lower case. */
  readonly #protocols: ReadonlySet<string>
  readonly #failures: ListenerFailures
  readonly #lingering: LingeringClose

  /** @param upgradeProtocols protocols that become tunnels, in addition to `websocket` */
  constructor(
    { pipelined, headBytes }: Limits,
    failures: ListenerFailures,
    lingering: LingeringClose,
    upgradeProtocols: readonly string[] = [],
  ) {
    this.#failures = failures
    this.#lingering = lingering
    this.#pipelines = new Pipelines(pipelined)
    this.#headBytes = headBytes
    this.#protocols = new Set(['websocket', ...upgradeProtocols.map((token) => token.toLowerCase())])
  }

  /**
   * Returns the handlers of one entry point.
   *
   * @param claims returns whether a frontend matches; undefined if that is unknown
   */
  handlersFor(
    begin: Begin,
    claims: (req: IncomingMessage) => boolean | undefined,
  ): { handler: RequestHandler; upgrade: UpgradeHandler } {
    const pipelines = this.#pipelines
    const handler: RequestHandler = (req, res, next) => {
      // A response without a socket stands behind another one that is under way on its connection.
      if (res.socket !== null || !pipelines.mustWait(begin, req, res, next)) begin(req, res, next)
    }
    const upgrade = upgradeHandler({
      handler,
      headBytes: this.#headBytes,
      allowed: this.#protocols,
      lingering: this.#lingering,
      begin: (req, res, pending) => begin(req, res, undefined, pending),
      claims,
      failures: this.#failures,
    })
    return { handler, upgrade }
  }
}
