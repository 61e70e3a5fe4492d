import type { RequestFailed, RequestFinished } from 'switchover'
import { describe, expect, it, vi } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startEngine, startNamed, startServer } from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually } from '../support/next-event.js'

async function startTelling(config: Parameters<typeof startEngine>[0], options = {}) {
  const live = await startEngine(config, options)
  const finished: RequestFinished[] = []
  const failed: RequestFailed[] = []
  live.engine.events.on('requestFinished', (event) => finished.push(event))
  live.engine.events.on('requestFailed', (event) => failed.push(event))
  return { ...live, finished, failed }
}

describe('a report', () => {
  it('says everything of a request that was answered', async () => {
    const { port, finished, failed } = await startTelling(routeTo(await startNamed('one')), {
      trustedProxies: ['127.0.0.1'],
    })
    const headers = { 'x-forwarded-for': '198.51.100.7' }
    await httpGet({ port, method: 'PUT', host: 'WWW.a.test:80', path: '/%61?q', headers })
    await eventually(() => finished.length === 1, 'the report')
    expect(finished).toEqual([
      {
        generation: 1,
        frontend: 'all@static',
        backend: 'pool@static',
        server: 's1',
        method: 'PUT',
        host: 'www.a.test',
        path: '/a',
        status: 200,
        durationMs: expect.any(Number),
        retries: 0,
        clientAddress: '198.51.100.7',
      },
    ])
    expect(finished[0]!.durationMs).toBeGreaterThan(0)
    expect(failed).toEqual([])
  })

  it('of a failed request comes as both events, the failure with its error', async () => {
    const { port, finished, failed } = await startTelling(routeTo(await refusingUrl(), await refusingUrl()))
    await httpGet({ port })
    await eventually(() => finished.length === 1, 'the report')
    const { error, ...rest } = failed[0]!
    expect(rest).toMatchObject({ backend: 'pool@static', status: 502, retries: 1 })
    expect({ ...rest, durationMs: 0 }).toEqual({ ...finished[0], durationMs: 0 })
    expect(error).toMatchObject({ code: 'PROXY_CONNECT_FAILED', source: 'upstream' })
    expect(error.message).toContain('ECONNREFUSED')
    expect(failed).toHaveLength(1)
  })

  it('of a request that nobody takes names no frontend, backend and server', async () => {
    const { port, failed } = await startTelling({ frontends: {}, backends: {} })
    await httpGet({ port, path: '/x' })
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({
      generation: 1,
      path: '/x',
      status: 404,
      error: { code: 'PROXY_NO_ROUTE' },
    })
    expect(Object.keys(failed[0]!)).not.toEqual(expect.arrayContaining(['frontend']))
    expect(Object.keys(failed[0]!)).not.toEqual(expect.arrayContaining(['server']))
  })

  it('of a request that cannot be understood shows it as it came', async () => {
    const { port, failed } = await startTelling(routeTo(await refusingUrl()))
    const client = await openRaw(port)
    client.sendHead('GET /x#y HTTP/1.1', 'Host: a', 'Connection: close')
    await client.untilClosed()
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({ host: '', path: '/x#y', status: 400, clientAddress: '127.0.0.1' })
  })

  it('of a client that left before the head has status 499, and the head’s status after it', async () => {
    let arrived = 0
    const server = await startServer((req, res) => {
      arrived += 1
      if (req.url === '/late') res.write('half')
    })
    const { port, failed } = await startTelling(routeTo(server))
    for (const path of ['/never', '/late']) {
      const client = await openRaw(port)
      const before = arrived
      client.sendHead(`GET ${path} HTTP/1.1`, 'Host: a')
      await eventually(() => arrived > before, 'the request arrives')
      if (path === '/late') await client.until('half')
      client.reset()
    }
    await eventually(() => failed.length === 2, 'the reports')
    const statuses = Object.fromEntries(
      failed.map(({ path, status, error }) => [path, `${status} ${error.code}`]),
    )
    expect(statuses).toEqual({ '/never': '499 PROXY_CLIENT_LEFT', '/late': '200 PROXY_CLIENT_LEFT' })
  })

  it('before any configuration has generation 0', async () => {
    const { port, failed } = await startTelling(undefined)
    await httpGet({ port })
    await eventually(() => failed.length === 1, 'the report')
    expect(failed[0]).toMatchObject({ generation: 0, status: 503, error: { code: 'PROXY_NOT_READY' } })
  })
})

it('a report is built only when someone listens', async () => {
  const { port, engine } = await startEngine(routeTo(await startNamed('one')))
  const emit = vi.spyOn(engine.events, 'emit')
  await httpGet({ port })
  await engine.close({ drainMs: 1_000 })
  expect(emit).not.toHaveBeenCalled()
})
