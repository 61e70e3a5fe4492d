import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startNamed, startServer } from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually } from '../support/next-event.js'

interface Message {
  readonly req: IncomingMessage
  readonly [name: string]: unknown
}

/** What comes over the channels, by the last part of their names, of requests to one path. */
function listenTo(path: string): [name: string, message: Message][] {
  const heard: [string, Message][] = []
  for (const name of ['start', 'sent', 'finish']) {
    const channel = `switchover.request.${name}`
    const listener = (message: unknown) => {
      if ((message as Message).req.url === path) heard.push([name, message as Message])
    }
    subscribe(channel, listener)
    onTestFinished(() => void unsubscribe(channel, listener))
  }
  return heard
}

describe('the channels of a request', () => {
  it('say when it came, each time it left for a server, and what became of it', async () => {
    const { port } = await startEngine(routeTo(await refusingUrl(), await startNamed('one')))
    const heard = listenTo('/told')
    await httpGet({ port, path: '/told' })
    await eventually(() => heard.at(-1)?.[0] === 'finish', 'its end')
    expect(heard.map(([name]) => name)).toEqual(['start', 'sent', 'sent', 'finish'])
    const [start, first, second, finish] = heard.map(([, message]) => message)
    const names = { frontend: 'all@static', backend: 'pool@static', generation: 1 }
    expect(first).toMatchObject({
      ...names,
      server: 's1',
      retries: 0,
      url: expect.stringContaining('http://'),
    })
    expect(second).toMatchObject({ ...names, server: 's2', retries: 1 })
    expect(finish).toMatchObject({
      ...names,
      server: 's2',
      retries: 1,
      status: 200,
      durationMs: expect.any(Number),
    })
    for (const message of [first, second, finish]) expect(message?.req).toBe(start?.req)
    expect(finish).not.toHaveProperty('error')
  })

  it('say why one failed', async () => {
    const { port } = await startEngine(routeTo(await refusingUrl()))
    const heard = listenTo('/failed')
    await httpGet({ port, path: '/failed' })
    await eventually(() => heard.at(-1)?.[0] === 'finish', 'its end')
    expect(heard.at(-1)?.[1]).toMatchObject({ status: 502, error: { code: 'PROXY_CONNECT_FAILED' } })
  })
})

describe('the context of a trace', () => {
  it('goes on as it came', async () => {
    const seen: IncomingMessage['headers'][] = []
    const server = await startServer((req, res) => {
      seen.push(req.headers)
      res.end()
    })
    const { port } = await startEngine(routeTo(server))
    const headers = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=1,b=2',
      baggage: 'user=1',
    }
    await httpGet({ port, headers })
    expect(seen[0]).toMatchObject(headers)
  })
})
