import type { RequestHandler, UpgradeHandler } from '../engine/client/http1/handlers.js'

/** The listeners of an HTTP server that serve requests and upgrades. */
export interface Handlers {
  readonly handler: RequestHandler
  readonly upgrade: UpgradeHandler
}

/** Returns handlers that call `start` at each request. */
export function startedBy({ handler, upgrade }: Handlers, start: () => void): Handlers {
  return {
    handler: (req, res, next) => {
      start()
      handler(req, res, next)
    },
    upgrade: (req, socket, head, next) => {
      start()
      upgrade(req, socket, head, next)
    },
  }
}
