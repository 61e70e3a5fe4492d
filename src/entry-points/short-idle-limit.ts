import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** From here on Node's own limit is precise enough. */
const SHORT_MS = 5_000
/** What Node adds to `keepAliveTimeout` before it closes an idle connection. Node warns if the sum is beyond its timers. */
export const NODE_ADDS_MS = 1_000

/**
 * Makes a short limit on idle client connections precise. Node closes one a second after the time that it was given: twice what was
 * asked for, if that is a second.
 *
 * @returns takes it back
 */
export function limitIdleShortly(server: Server, keepAliveMs: number): () => void {
  if (keepAliveMs >= SHORT_MS) return () => {}
  const watch = (_req: IncomingMessage, res: ServerResponse) => {
    const { socket } = res
    // Node sets its own limit before this is called.
    res.once('finish', () => {
      const nodesMs = socket?.timeout ?? 0
      if (nodesMs > keepAliveMs && nodesMs <= Math.ceil(keepAliveMs) + NODE_ADDS_MS)
        socket?.setTimeout(Math.ceil(keepAliveMs))
    })
  }
  const events = ['request', 'checkContinue', 'checkExpectation'] as const
  // Node asks for the body by itself where nobody listens to these.
  const heard = events.filter((event) => event === 'request' || server.listenerCount(event) > 0)
  for (const event of heard) server.prependListener(event, watch)
  return () => {
    for (const event of heard) server.off(event, watch)
  }
}
