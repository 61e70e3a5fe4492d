import type { ServerResponse } from 'node:http'
import { ProxyError } from 'switchover'
import { expect, it } from 'vitest'
import { httpGet } from '../../support/http-get.js'
import { startOpenEngine, startServer } from '../../support/live-engine.js'
import { eventually } from '../../support/next-event.js'

/** A server with room for one request, which holds each response. */
async function startBusy(options: Parameters<typeof startOpenEngine>[1] = {}) {
  const seen: string[] = []
  const held: ServerResponse[] = []
  const server = await startServer((req, res) => {
    seen.push(req.url ?? '')
    // Only the first one is held: a second one must not come, and would end the test at once.
    if (seen.length > 1) res.end()
    else held.push(res)
  })
  const { engine, port } = await startOpenEngine(
    {
      frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
      backends: { pool: { servers: { one: { url: server.url, maxConnections: 1 } } } },
    },
    options,
  )
  const ask = (path: string) => httpGet({ port, path }).then(({ status }) => status)
  const first = ask('/first')
  await eventually(() => held.length === 1, 'the first is under way')
  const second = ask('/second')
  await eventually(() => engine.inFlight.exchanges.some(({ isWaiting }) => isWaiting), 'the second waits')
  return { engine, seen, first, second }
}

it('a request that waits and was answered with an error is not sent to a server that becomes free', async () => {
  const { engine, seen, first, second } = await startBusy()
  const [under, waiting] = engine.inFlight.exchanges
  // In one turn of the event loop: the second gets its error, then the end of the first frees the server.
  const reason = new ProxyError('PROXY_REQUEST_TIMEOUT')
  waiting?.end(reason)
  under?.end(reason)
  expect(await Promise.all([first, second])).toEqual([504, 504])
  await new Promise((resolve) => setImmediate(resolve))
  expect(seen).toEqual(['/first'])
})
