import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Limits } from '../model/limits.js'
import type { RequestHandler, UpgradeHandler } from './client/handlers.js'
import type { LingeringClose } from './client/lingering-close.js'
import { Pipelines } from './client/pipelines.js'
import type { ListenerFailures } from './events/listener-failures.js'
import type { PendingUpgrade } from './pending-upgrade.js'
import { upgradeHandler } from './upgrade.js'

/** Starts to process a request. Called once the earlier requests on the same connection (HTTP pipelining) allow it. */
export type Begin = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
  pending?: PendingUpgrade,
) => void

/** Receives requests from Node. Decides when a pipelined request may begin, and which upgrade requests become tunnels. */
export class Intake {
  readonly #pipelines: Pipelines
  readonly #headBytes: number
  /** The protocols of upgrade requests that become tunnels, such as `websocket`, in lower case. */
  readonly #protocols: ReadonlySet<string>
  readonly #failures: ListenerFailures
  readonly #lingering: LingeringClose

  /**
   * Creates an intake that no server uses yet.
   *
   * @param upgradeProtocols protocols other than `websocket` whose upgrade requests become tunnels
   */
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
   * Returns the listeners for the `request` and `upgrade` events of one entry point.
   *
   * @param claims returns whether a frontend matches an upgrade request; undefined if that is unknown
   */
  handlersFor(
    begin: Begin,
    claims: (req: IncomingMessage) => boolean | undefined,
  ): { handler: RequestHandler; upgrade: UpgradeHandler } {
    const pipelines = this.#pipelines
    const handler: RequestHandler = (req, res, next) => {
      // If the response has no socket, an earlier pipelined request on the connection is still in progress. The request may have
      // to wait.
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
