import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Shortest idle timeout, in milliseconds, for which Node's own timer is precise enough. */
const SHORT_MS = 5_000
/** Milliseconds that Node adds to its option `keepAliveTimeout`. Node warns if the sum is larger than a timer can be. */
export const NODE_ADDS_MS = 1_000

/**
 * Makes a short idle timeout of client connections precise. Node closes an idle connection one
 * second after its `keepAliveTimeout`. With a timeout of one second, that is twice the wanted time.
 *
 * @returns a function that undoes the change
 */
export function limitIdleShortly(server: Server, keepAliveMs: number): () => void {
  if (keepAliveMs >= SHORT_MS) return () => {}
  const watch = (_req: IncomingMessage, res: ServerResponse) => {
    const { socket } = res
    // Shortens the timeout of the socket when the response has ended. Node has set its own timeout before this listener runs.
    res.once('finish', () => {
      const nodesMs = socket?.timeout ?? 0
      if (nodesMs > keepAliveMs && nodesMs <= Math.ceil(keepAliveMs) + NODE_ADDS_MS)
        socket?.setTimeout(Math.ceil(keepAliveMs))
    })
  }
  const events = ['request', 'checkContinue', 'checkExpectation'] as const
  // Leaves out `checkContinue` and `checkExpectation` if the server has no listener for them.
  // In that case Node itself answers the `Expect` header, and a new listener would end that.
  const watched = events.filter((event) => event === 'request' || server.listenerCount(event) > 0)
  for (const event of watched) server.prependListener(event, watch)
  return () => {
    for (const event of watched) server.off(event, watch)
  }
}
