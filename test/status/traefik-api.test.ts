import { describe, expect, it } from 'vitest'
import { startNamed } from '../support/live-engine.js'
import { startSeen } from '../support/seen-proxy.js'

async function startTwo() {
  const { url } = await startNamed('one')
  return startSeen({
    frontends: {
      web: {
        backend: 'web',
        routes: { host: { rule: 'Host:www.a.test' }, path: { rule: 'PathPrefix:/x' } },
        entryPoints: ['http'],
        priority: 7,
      },
      'a/b c': { backend: 'web@static', rule: { host: 'b.test' }, passHostHeader: false },
    },
    backends: {
      web: {
        servers: { one: { url, weight: 3 }, two: { url } },
        buffering: { maxRequestBodyBytes: 1_000 },
      },
    },
  })
}

/** What Traefik 1.7 documents and answers: names and types of what it always has. */
const SHAPES = {
  frontend: {
    entryPoints: 'object',
    backend: 'string',
    routes: 'object',
    passHostHeader: 'boolean',
    priority: 'number',
    basicAuth: 'object',
  },
  server: { url: 'string', weight: 'number' },
  health: {
    pid: 'number',
    hostname: 'string',
    uptime: 'string',
    uptime_sec: 'number',
    time: 'string',
    unixtime: 'number',
    status_code_count: 'object',
    total_status_code_count: 'object',
    count: 'number',
    total_count: 'number',
    total_response_time: 'string',
    total_response_time_sec: 'number',
    total_response_size: 'number',
    average_response_size: 'number',
    average_response_time: 'string',
    average_response_time_sec: 'number',
    total_metrics_counts: 'object',
    average_metrics_timers: 'object',
    recent_errors: 'object',
  },
}

function shapeOf(value: object): Record<string, string> {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, typeof member]))
}

describe('the API of Traefik 1.7', () => {
  it('has all providers with their backends and frontends, defaults filled in', async () => {
    const { read } = await startTwo()
    const all = await read('/api')
    expect(all).toEqual(await read('/api/providers'))
    expect(all).toEqual({
      static: {
        backends: {
          web: {
            servers: {
              one: { url: expect.any(String), weight: 3 },
              two: { url: expect.any(String), weight: 1 },
            },
            loadBalancer: { method: 'wrr' },
            buffering: { maxRequestBodyBytes: 1_000 },
          },
        },
        frontends: {
          web: {
            entryPoints: ['http'],
            backend: 'web',
            routes: { host: { rule: 'Host:www.a.test' }, path: { rule: 'PathPrefix:/x' } },
            passHostHeader: true,
            priority: 7,
            basicAuth: null,
          },
          'a/b c': {
            entryPoints: [],
            backend: 'web',
            routes: { main: { rule: 'Host:b.test' } },
            passHostHeader: false,
            priority: 0,
            basicAuth: null,
          },
        },
      },
    })
  })

  it('has each part under a path of its own', async () => {
    const { read } = await startTwo()
    const { static: all } = await read('/api')
    const at = (path: string) => read(`/api/providers/static${path}`)
    expect(await at('')).toEqual(all)
    expect(await at('/backends')).toEqual(all.backends)
    expect(await at('/backends/web')).toEqual(all.backends.web)
    expect(await at('/backends/web/servers')).toEqual(all.backends.web.servers)
    expect(await at('/backends/web/servers/one')).toEqual(all.backends.web.servers.one)
    expect(await at('/frontends')).toEqual(all.frontends)
    expect(await at('/frontends/web/routes')).toEqual(all.frontends.web.routes)
    expect(await at('/frontends/web/routes/path')).toEqual({ rule: 'PathPrefix:/x' })
    expect(await at('/frontends/a%2Fb%20c')).toEqual(all.frontends['a/b c'])
  })

  it('says 404 for what there is not', async () => {
    const { ask } = await startTwo()
    const missing = [
      'x',
      'static/x',
      'static/backends/x',
      'static/backends/web/x',
      'static/backends/web/servers/x',
    ]
    const more = [
      'static/frontends/x',
      'static/frontends/web/routes/x',
      'static/backends/web/servers/one/x',
      'static/frontends/__proto__',
    ]
    for (const path of [...missing, ...more, 'static/backends/web/servers/constructor', 'toString'])
      expect([path, (await ask(`/api/providers/${path}`)).status]).toEqual([path, 404])
  })

  it('has the names and types that Traefik documents', async () => {
    const { read } = await startTwo()
    const { frontends, backends } = await read('/api/providers/static')
    expect(shapeOf(frontends.web)).toEqual(SHAPES.frontend)
    expect(shapeOf(backends.web.servers.two)).toEqual(SHAPES.server)
    expect(shapeOf(await read('/health'))).toEqual(SHAPES.health)
  })

  it('shows no secret', async () => {
    const { url } = await startNamed('one')
    const { ask } = await startSeen({
      frontends: {
        old: { backend: 'b', rule: 'Headers:Authorization,Bearer s3cret' },
        new: { backend: 'b', rule: 'Header(`X-Api-Key`, `s3cret`) && Host(`a.test`)' },
        data: { backend: 'b', rule: { headers: { Cookie: 's3cret' } } },
        routes: { backend: 'b', routes: { one: { rule: 'HeadersRegexp:X-Token,s3cret.*' } } },
      },
      backends: { b: { servers: { s: { url } } } },
    })
    for (const path of ['/api', '/api/frontends', '/api/explain?host=x', '/api/history']) {
      const { body } = await ask(path)
      expect([path, body.includes('s3cret')]).toEqual([path, false])
    }
    expect((await ask('/api/frontends')).body).toContain('a.test')
  })

  it('writes 20,000 frontends while the process does other things', async () => {
    const { url } = await startNamed('one')
    const frontends = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, at) => [`f${at}`, { backend: 'b', rule: `Host:h${at}.test` }]),
    )
    const { read } = await startSeen({ frontends, backends: { b: { servers: { s: { url } } } } })
    let turns = 0
    const counting = setInterval(() => {
      turns += 1
    }, 1)
    const all = await read('/api/providers/static/frontends')
    clearInterval(counting)
    expect(Object.keys(all)).toHaveLength(20_000)
    expect(turns).toBeGreaterThan(5)
  })
})
