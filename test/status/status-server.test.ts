import { createServer } from 'node:http'
import express from 'express'
import { createProxy, type StaticProvider } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, routeWith, startMisbehaving, startNamed, startServer } from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually, nextEvent } from '../support/next-event.js'
import { startSeen } from '../support/seen-proxy.js'

const BROKEN = { frontends: { x: { backend: 'nowhere', rule: 'Host:a' } }, backends: {} }

describe('the status server', () => {
  it('says which version each provider serves, since when, and what it suffers from', async () => {
    const { provider, read } = await startSeen({ ...routeTo(await startNamed('one')), version: 'v1' })
    const before = await read('/api/config')
    expect(before).toMatchObject({ generation: 1, frontends: 1, backends: 1 })
    expect(before.providers).toEqual([
      {
        provider: 'static',
        state: 'live',
        version: 'v1',
        ageMs: expect.any(Number),
        liveSince: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    ])
    await provider.update(BROKEN)
    const [after] = (await read('/api/config')).providers
    expect(after).toMatchObject({ version: 'v1', lastError: { code: 'PROXY_CONFIG_INVALID' } })
    expect(after.lastError.message).toContain('nowhere')
  })

  it('keeps the last 50 switches and refusals, newest first, with diffs, steps and issues', async () => {
    const server = await startNamed('one')
    const { provider, read } = await startSeen({ ...routeTo(server), version: 'v0' })
    await provider.update(BROKEN)
    for (let version = 1; version <= 55; version += 1)
      await provider.update({ ...routeWith({ rule: `Host:h${version}` }, server), version: `v${version}` })
    const { entries } = await read('/api/history')
    expect(entries).toHaveLength(50)
    expect(entries[0]).toMatchObject({
      type: 'switch',
      generation: 56,
      provider: 'static',
      version: 'v55',
      verified: true,
      changes: {
        frontends: { changed: { count: 1, names: ['all@static'] }, added: { count: 0, names: [] } },
        backends: { changed: { count: 0 } },
      },
      warnings: [],
    })
    expect(Object.keys(entries[0].steps)).toEqual(['validate', 'merge', 'compile', 'swap'])
    expect(entries.every((entry: { type: string }) => entry.type === 'switch')).toBe(true)
  })

  it('shows of a refusal each issue by its path, and of many the first hundred', async () => {
    const { provider, read } = await startSeen(routeTo(await startNamed('one')))
    const frontends = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`f${at}`, { backend: 'nowhere', rule: `Host:h${at}` }]),
    )
    await provider.update({ frontends, backends: {} })
    const [refusal] = (await read('/api/history')).entries
    expect(refusal).toMatchObject({
      type: 'refusal',
      error: { code: 'PROXY_CONFIG_INVALID', issueCount: 300 },
    })
    expect(refusal.error.issues).toHaveLength(100)
    expect(refusal.error.issues[0]).toEqual({
      path: 'frontends.f0.backend',
      code: 'MISSING_BACKEND',
      message: expect.stringContaining('nowhere'),
    })
  })

  it('lists frontends as they are tried, with their share of traffic, searched and in pages', async () => {
    const server = await startNamed('one')
    const config = routeTo(server)
    const more = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [
        `shop-${at}`,
        { backend: 'pool', rule: `Host:shop-${at}.test` },
      ]),
    )
    const { port, read } = await startSeen({ ...config, frontends: { ...config.frontends, ...more } })
    for (let times = 0; times < 3; times += 1) await httpGet({ port, host: 'shop-7.test' })
    await httpGet({ port, host: 'elsewhere.test' })
    await eventually(async () => (await read('/health')).total_count === 4, 'all are counted')
    const page = await read('/api/frontends?search=SHOP-&offset=10&limit=5')
    expect(page).toMatchObject({ generation: 1, total: 41, matching: 40 })
    expect(page.entries).toHaveLength(5)
    const [seven] = (await read('/api/frontends?search=shop-7.')).entries
    expect(seven).toEqual({
      name: 'shop-7@static',
      rule: 'Host:shop-7.test',
      priority: 'Host:shop-7.test'.length,
      backend: 'pool@static',
      requests: 3,
      share: 0.75,
    })
    expect((await read('/api/frontends?search=POOL')).matching).toBe(41)
  })

  it('lists backends with what each server is doing', async () => {
    const silent = await startMisbehaving(() => {})
    const { port, read } = await startSeen(routeTo(await startNamed('one'), { url: silent.url }))
    const waiting = [1, 2].map(() => httpGet({ port }).catch(() => undefined))
    await waiting[0]
    await eventually(async () => (await read('/api/backends')).entries[0].inFlight === 1, 'one is under way')
    const { entries } = await read('/api/backends?search=127')
    expect(entries[0]).toMatchObject({
      name: 'pool@static',
      method: 'wrr',
      requests: 1,
      retries: 0,
      inFlight: 1,
    })
    expect(entries[0].servers).toMatchObject([
      { name: 's1', weight: 1, state: 'up', inFlight: 0, connections: 1, requests: 1, errors: 0 },
      { name: 's2', state: 'up', inFlight: 1, connections: 1, requests: 0 },
    ])
    expect(entries[0].servers[0].meanMs).toBeGreaterThan(0)
  })

  it('explains a white list by the address of the peer', async () => {
    const { read } = await startSeen(
      routeWith({ whiteList: { sourceRange: ['10.0.0.0/8'] } }, await startNamed('one')),
    )
    const ask = async (query: string) => (await read(`/api/explain?host=a.test&${query}`)).winner
    expect(await ask('clientIp=11.1.2.3')).toMatchObject({
      chain: [{ middleware: 'whiteList', verdict: '11.1.2.3 is not on the white list' }],
      answer: { status: 403 },
    })
    const admitted = await ask('clientIp=11.1.2.3&peerIp=10.1.2.3')
    expect(admitted.chain).toEqual([{ middleware: 'whiteList', verdict: '10.1.2.3 is on the white list' }])
    expect(admitted).not.toHaveProperty('answer')
  })

  it('explains which frontend a request would go to', async () => {
    const { read, ask } = await startSeen(
      routeWith({ rule: 'Host:a.test;ClientIP:10.0.0.0/8' }, await startNamed('one')),
    )
    expect(await read('/api/explain?host=a.test&path=/x&clientIp=10.1.2.3')).toMatchObject({
      generation: 1,
      winner: { frontend: 'all@static', backend: 'pool@static' },
      refusedCount: 0,
      servers: [{ name: 's1' }],
    })
    const lost = await read('/api/explain?host=a.test&clientIp=11.1.2.3')
    expect(lost.refused).toMatchObject([{ frontend: 'all@static', by: expect.stringContaining('ClientIP') }])
    const unknown = await read('/api/explain?host=a.test&clientIp=unknown')
    expect(unknown.refused).toMatchObject([{ frontend: 'all@static', unknown: 'the client has no address' }])
    for (const query of [
      '',
      '?host=',
      '?host=a&peerIp=nobody',
      '?host=a&path=/x%3Fy',
      '?host=a&clientIp=nobody',
      '?host=a&path=x',
      '?host=a&clientIP=1.2.3.4',
      '?host=a&x=1',
    ])
      expect((await ask(`/api/explain${query}`)).status, query).toBe(400)
  })

  it('refuses pages that are none, and says what was expected', async () => {
    const { ask } = await startSeen(routeTo(await startNamed('one')))
    for (const query of ['limit=501', 'limit=-1', 'offset=x', 'offset=1.5', 'limit=1e99']) {
      const { status, body } = await ask(`/api/frontends?${query}`)
      expect([query, status]).toEqual([query, 400])
      expect(body).toContain('expected a whole number')
    }
  })

  it('answers /ping, /ready and 404', async () => {
    const { ask, read } = await startSeen(routeTo(await startNamed('one')))
    expect(await ask('/ping')).toMatchObject({ status: 200, body: 'OK' })
    expect(await read('/ready')).toEqual({ ready: true, reasons: [] })
    expect(await ask('/')).toMatchObject({ status: 302, headers: { location: '/dashboard/' } })
    for (const path of [
      '/api/nothing',
      '/dashboard/nothing.js',
      '/dashboard/..%2f..%2fpackage.json',
      '/%',
      '//',
      '/api/providers/static/x',
    ])
      expect([path, (await ask(path)).status]).toEqual([path, 404])
    expect((await ask('/api/providers/static/frontends/%zz')).status).toBe(400)
  })

  it('lets nobody change anything', async () => {
    const { ask } = await startSeen(routeTo(await startNamed('one')))
    for (const method of ['PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'])
      expect(await ask('/api/providers/static', {}, method)).toMatchObject({
        status: 405,
        headers: { allow: 'GET, HEAD' },
      })
    expect(await ask('/api', {}, 'HEAD')).toMatchObject({ status: 200, body: '' })
  })

  it('answers with headers that keep browsers from doing harm', async () => {
    const { ask } = await startSeen(routeTo(await startNamed('one')))
    for (const path of ['/api', '/metrics', '/nothing', '/dashboard/', '/ping']) {
      const { headers } = await ask(path)
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['content-security-policy']).not.toContain('unsafe')
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' })
    }
  })

  it('on loopback is not reached by the name of another site', async () => {
    const { ask } = await startSeen(routeTo(await startNamed('one')))
    expect((await ask('/api', { host: 'evil.example' })).status).toBe(421)
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1', '[::1]:8080', 'dev.localhost'])
      expect([host, (await ask('/api', { host })).status]).toEqual([host, 200])
  })

  it('asks for its token, but by those who only want to know whether it is there', async () => {
    const status = { address: '127.0.0.1:0', token: 'secret' }
    const { ask } = await startSeen(routeTo(await startNamed('one')), { status })
    for (const authorization of ['', 'secret', 'Bearer', 'Bearer wrong', 'Basic secret', 'Bearer secret2']) {
      const { status: code, headers } = await ask('/api', { authorization })
      expect([authorization, code, headers['www-authenticate']]).toEqual([authorization, 401, 'Bearer'])
    }
    for (const authorization of ['Bearer secret', 'bearer  secret'])
      expect((await ask('/metrics', { authorization, host: 'status.example' })).status).toBe(200)
    for (const path of ['/ping', '/ready', '/']) expect((await ask(path)).status).toBeLessThan(400)
  })

  it('can be mounted in the host’s own server, and passes on what is not its', async () => {
    const proxy = createProxy({ config: routeTo(await startNamed('one')), status: {} })
    onTestFinished(() => proxy.close())
    const app = express()
    app.use('/inside', proxy.statusHandler)
    app.use((_req, res) => void res.end('the host’s own'))
    const server = createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    expect((await httpGet({ port, path: '/inside/ping' })).body).toBe('OK')
    expect((await httpGet({ port, path: '/inside/' })).headers.location).toBe('/inside/dashboard/')
    expect((await httpGet({ port, path: '/inside/nothing' })).body).toBe('the host’s own')
    await expect(proxy.statusAddress()).rejects.toMatchObject({ code: 'PROXY_OPTION_INVALID' })
  })

  it('without the option is no handler', async () => {
    const proxy = createProxy({ config: routeTo(await startNamed('one')) })
    const server = await startServer(proxy.statusHandler)
    expect(await httpGet({ port: server.port })).toMatchObject({
      status: 503,
      body: expect.stringContaining('status: expected options'),
    })
    // That is the caller's mistake, not a reason not to be ready.
    await proxy.ready()
  })

  it('whose port is taken keeps nobody from being served, and is told', async () => {
    const taken = await startNamed('in the way')
    const proxy = createProxy({
      config: routeTo(await startNamed('one')),
      status: { address: `127.0.0.1:${taken.port}` },
    })
    onTestFinished(() => proxy.close())
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await expect(proxy.ready()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(proxy.statusAddress()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    // The providers start once the status server has failed.
    await eventually(() => proxy.state.generation === 1, 'the configuration is live')
    expect((await httpGet({ port })).body).toBe('one')
  })

  it('is not ready before the first configuration, nor, if asked, while one is stale', async () => {
    let sink: Parameters<StaticProvider['start']>[0] | undefined
    const provider = {
      name: 'late',
      start: async (given: typeof sink) => {
        sink = given
      },
      stop: async () => {},
    }
    const status = { address: '127.0.0.1:0', unreadyWhileStale: true }
    const proxy = createProxy({ providers: [provider as never], status })
    onTestFinished(() => proxy.close())
    const { port } = await proxy.statusAddress()
    await proxy.start()
    const ready = async () => {
      const { status: code, body } = await httpGet({ port, path: '/ready' })
      return [code, JSON.parse(body).reasons]
    }
    expect(await ready()).toEqual([503, ['late: no configuration of it is live yet']])
    await sink?.update(routeTo(await startNamed('one')))
    expect(await ready()).toEqual([200, []])
    sink?.unavailable(new Error('gone: http://me:secret@etcd.test'))
    expect(await ready()).toEqual([503, ['late: its source cannot be reached']])
    const { body } = await httpGet({ port, path: '/api/config' })
    expect(body).toContain('http://***@etcd.test')
    expect(body).not.toContain('secret')
  })

  it('while the proxy drains says 503 to /ping, and is the last to go', async () => {
    const silent = await startMisbehaving(() => {})
    const { proxy, port, ask } = await startSeen(routeTo({ url: silent.url }))
    const waiting = httpGet({ port }).catch(() => undefined)
    await eventually(() => silent.connections === 1, 'the request is under way')
    const closing = proxy.close({ drainMs: 500 })
    expect((await ask('/ping')).status).toBe(503)
    expect((await ask('/ready')).status).toBe(503)
    for (const socket of silent.sockets) socket.destroy()
    await Promise.all([closing, waiting])
    await expect(ask('/ping')).rejects.toThrow()
  })

  it('counts what was answered, and what went wrong, as Traefik’s /health does', async () => {
    const { port, read } = await startSeen(routeWith({ rule: 'Host:a.test' }, await refusingUrl()))
    await httpGet({ port, host: 'a.test', path: '/x?token=secret' })
    await httpGet({ port, host: 'b.test' })
    await eventually(async () => (await read('/health')).total_count === 2, 'both are counted')
    const health = await read('/health')
    expect(health.total_status_code_count).toEqual({ 404: 1, 502: 1 })
    expect(health.recent_errors).toMatchObject([
      { status_code: 404, status: 'Not Found', method: 'GET', host: 'b.test', path: '/' },
      { status_code: 502, status: 'Bad Gateway', host: 'a.test', path: '/x' },
    ])
    expect(JSON.stringify(health)).not.toContain('secret')
  })

  it('writes events as they happen, and ends with the proxy', async () => {
    const { proxy, provider, port, statusPort } = await startSeen(routeTo(await startNamed('one')))
    const response = await fetch(`http://127.0.0.1:${statusPort}/api/events`)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    let text = ''
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk)
    })()
    await httpGet({ port })
    const changed = nextEvent(proxy, 'configChanged')
    await provider.update({ ...routeTo(await startNamed('two')), version: 'two' })
    await changed
    await provider.update(BROKEN)
    await eventually(() => /event: configRejected\ndata: {.*nowhere/.test(text), 'the refusal')
    expect(text).toMatch(/event: configChanged\ndata: {"type":"switch".*"version":"two"/)
    await eventually(() => /event: traffic\ndata: {"at":.*"requests":1/.test(text), 'the traffic of a second')
    await proxy.close()
    await reading
  })
})
