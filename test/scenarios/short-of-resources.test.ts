import type { LookupFunction } from 'node:net'
import { type Backend, createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const CODES = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAI_MEMORY']

/** A backend of two servers by name, whose connections fail with a code while `failsWith` is set. */
async function startFailing(backend: Partial<Backend>, options: Partial<ProxyOptions> = {}) {
  const [one, two] = [await startNamed('one'), await startNamed('two')]
  const state = { failsWith: '', times: Number.POSITIVE_INFINITY, lookups: 0 }
  const lookup: LookupFunction = (_name, _options, callback) => {
    state.lookups += 1
    const error = Object.assign(new Error(state.failsWith), { code: state.failsWith })
    if (state.failsWith === '' || state.times === 0) callback(null, [{ address: '127.0.0.1', family: 4 }])
    else {
      state.times -= 1
      callback(error, [])
    }
  }
  const proxy = createProxy({
    config: {
      frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
      backends: {
        pool: {
          servers: {
            one: { url: `http://one.test:${one.port}` },
            two: { url: `http://two.test:${two.port}` },
          },
          ...backend,
        },
      },
    },
    lookup,
    ...options,
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const down: string[] = []
  const circuit: string[] = []
  proxy.on('serverDown', ({ reason }) => down.push(reason))
  proxy.on('circuitChanged', ({ state: to }) => circuit.push(to))
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { port, state, down, circuit, servers: [one, two] }
}

describe.each(CODES)('%s', (code) => {
  it('is told as what it is, and counts against no server, circuit or ejection', async () => {
    const { port, state, down, circuit } = await startFailing({
      circuitBreaker: { expression: 'NetworkErrorRatio() > 0.01' },
      outlierDetection: { consecutiveFailures: 1, minimumRequests: 1 },
      loadBalancer: { method: 'drr' },
    })
    state.failsWith = code
    for (let n = 0; n < 20; n += 1)
      expect(await httpGet({ port })).toMatchObject({
        status: 503,
        headers: { connection: 'close' },
        body: '503 The proxy is short of resources. (PROXY_OUT_OF_RESOURCES)\n',
      })
    // No storm: once for each request, or once for each server where the other may be reached.
    expect(state.lookups).toBeLessThanOrEqual(40)
    state.failsWith = ''
    const bodies = new Set<string>()
    for (let n = 0; n < 20; n += 1) {
      const { status, body } = await httpGet({ port })
      expect(status).toBe(200)
      bodies.add(body)
    }
    expect({ down, circuit }).toEqual({ down: [], circuit: [] })
    expect(bodies.size).toBeGreaterThan(0)
  })

  it.each(['http', 'tcp'] as const)('of a health check (%s) takes no server out', async (scheme) => {
    const healthCheck = { path: '/', interval: '50ms', ...(scheme === 'tcp' && { scheme }) }
    const { port, state, down } = await startFailing({ healthCheck })
    await eventually(() => state.lookups >= 4, 'checks are made')
    state.failsWith = code
    const before = state.lookups
    await eventually(() => state.lookups >= before + 10, 'checks fail')
    expect(down).toEqual([])
    state.failsWith = ''
    expect((await httpGet({ port })).status).toBe(200)
  })
})

it('a server that is down is told as before', async () => {
  const { port, state, down } = await startFailing({})
  state.failsWith = 'ECONNREFUSED'
  expect(await httpGet({ port })).toMatchObject({ status: 502 })
  await eventually(() => down.length === 1, 'one goes out, the last stays')
})

it('calls the onRequest hook once for a request that room was made for', async () => {
  let calls = 0
  const onRequest: ProxyOptions['onRequest'] = ({ headers }) => {
    calls += 1
    headers.append('X-User', 'alice')
  }
  const { port, state, servers } = await startFailing({}, { onRequest })
  const users: string[][] = []
  for (const { server } of servers) {
    server.prependListener('request', ({ rawHeaders }) => {
      users.push(rawHeaders.filter((_, index) => rawHeaders[index - 1] === 'X-User'))
    })
  }
  // An idle client connection is what can be given up.
  const idle = await openRaw(port)
  idle.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await idle.until(/one|two/)
  for (const { sockets } of servers) for (const socket of sockets) socket.destroy()
  for (const { sockets } of servers) await eventually(() => sockets.size === 0, 'no connection to a server')
  calls = 0
  users.length = 0
  Object.assign(state, { failsWith: 'EMFILE', times: 1 })
  expect(await httpGet({ port })).toMatchObject({ status: 200 })
  expect({ calls, users }).toEqual({ calls: 1, users: [['alice']] })
})
