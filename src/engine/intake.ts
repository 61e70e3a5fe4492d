import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Limits } from '../model/limits.js'
import type { RequestHandler, UpgradeHandler } from './client/handlers.js'
import type { LingeringClose } from './client/lingering-close.js'
import { Pipelines } from './client/pipelines.js'
import type { ListenerFailures } from './events/listener-failures.js'
import type { PendingUpgrade } from './exchange.js'
import { upgradeHandler } from './upgrade.js'

/** Takes a request in its turn. */
export type Begin = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
  pending?: PendingUpgrade,
) => void

/** Where requests come in: it decides when they begin, and which upgrades are tunnelled. */
export class Intake {
  readonly #pipelines: Pipelines
  readonly #headBytes: number
  /** In small letters. */
  readonly #protocols: ReadonlySet<string>
  readonly #failures: ListenerFailures
  readonly #lingering: LingeringClose

  /** @param upgrades protocols that are tunnelled, beside `websocket` */
  constructor(
    { pipelined, headBytes }: Limits,
    failures: ListenerFailures,
    lingering: LingeringClose,
    upgrades: readonly string[] = [],
  ) {
    this.#failures = failures
    this.#lingering = lingering
    this.#pipelines = new Pipelines(pipelined)
    this.#headBytes = headBytes
    this.#protocols = new Set(['websocket', ...upgrades.map((token) => token.toLowerCase())])
  }

  /** The handlers of one entry point. @param claims whether a frontend matches; undefined if that cannot be told */
  handlersFor(
    begin: Begin,
    claims: (req: IncomingMessage) => boolean | undefined,
  ): { handler: RequestHandler; upgrade: UpgradeHandler } {
    const pipelines = this.#pipelines
    const handler: RequestHandler = (req, res, next) => {
      // Without a socket, another response of its connection is under way before it.
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
