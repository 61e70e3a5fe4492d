import type { Handlers } from '../entry-points/listener.js'

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
