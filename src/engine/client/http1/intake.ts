import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Limits } from '../../../model/limits.js'
import type { ListenerFailures } from '../../events/listener-failures.js'
import type { RequestHead } from '../../headers/request-head.js'
import type { ClientSide } from '../client-side.js'
import type { RequestHandler, UpgradeHandler } from './handlers.js'
import { headOf } from './head-of.js'
import { Http1Client } from './http1-client.js'
import type { LingeringClose } from './lingering-close.js'
import { type Next, passOn } from './pass-on.js'
import type { PendingUpgrade } from './pending-upgrade.js'
import { Pipelines } from './pipelines.js'
import { upgradeHandler } from './upgrade.js'

/**
 * Starts to process a request. Called once the earlier requests on the same connection (HTTP pipelining) allow it.
 *
 * @param passOn lets the application's own routes answer the request, if it has any
 */
type Take = (client: ClientSide, passOn?: () => void) => void

/** Pages that the proxy itself answers on an entry point. Both functions are called once for each request of the entry point. */
export interface OwnPages {
  /** Returns whether the request is for such a page. */
  has(req: IncomingMessage): boolean
  answer: RequestHandler
}

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
   * @param pages the proxy's own pages on this entry point, which come before all frontends
   */
  handlersFor(
    take: Take,
    takePage: (client: ClientSide, answer: () => void) => void,
    claims: (head: RequestHead) => boolean | undefined,
    pages?: OwnPages,
  ): { handler: RequestHandler; upgrade: UpgradeHandler } {
    const pipelines = this.#pipelines
    const failures = this.#failures
    const lingering = this.#lingering
    const begin = (req: IncomingMessage, res: ServerResponse, next?: Next, pending?: PendingUpgrade) => {
      const client = new Http1Client(req, res, lingering, pending)
      if (pages?.has(req)) return takePage(client, () => pages.answer(req, res))
      take(client, next && (() => passOn(next, client, failures)))
    }
    const handler: RequestHandler = (req, res, next) => {
      // If the response has no socket, an earlier pipelined request on the connection is still in progress. The request may have
      // to wait.
      if (res.socket !== null || !pipelines.mustWait(begin, req, res, next)) begin(req, res, next)
    }
    const upgrade = upgradeHandler({
      handler,
      headBytes: this.#headBytes,
      allowed: this.#protocols,
      lingering,
      begin: (req, res, pending) => begin(req, res, undefined, pending),
      claims: (req) => pages?.has(req) || claims(headOf(req)),
      failures,
    })
    return { handler, upgrade }
  }
}
