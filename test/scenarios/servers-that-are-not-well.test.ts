import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Backend, createProxy, type ProviderConfig, type ReverseProxy, StaticProvider } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { startServer, type TestServer } from '../support/live-engine.js'
import { eventually, nextEvent } from '../support/next-event.js'
import { UnansweredPort } from '../support/unanswered-port.js'

/** A server that says its name, and counts what it was asked. */
interface Named {
  readonly url: string
  readonly server: TestServer
  asked: number
  checked: IncomingMessage[]
  /** What it does with a check, and with all else. */
  check: (res: ServerResponse) => void
  answer: (res: ServerResponse) => void
}

async function startNamed(name: string): Promise<Named> {
  const named: Partial<Named> & { asked: number; checked: IncomingMessage[] } = { asked: 0, checked: [] }
  const server = await startServer((req, res) => {
    req.resume()
    if (req.url === '/health') {
      named.checked.push(req)
      ;(named.check ?? ((answer) => answer.end('ok')))(res)
    } else {
      named.asked += 1
      ;(named.answer ?? ((answer) => answer.end(name)))(res)
    }
  })
  return Object.assign(named, { url: server.url, server }) as Named
}

const config = (
  backend: Partial<Backend>,
  urls: readonly string[],
  more: Partial<ProviderConfig> = {},
): ProviderConfig => ({
  frontends: { web: { backend: 'web', rule: 'PathPrefix:/' }, ...more.frontends },
  backends: {
    web: { servers: Object.fromEntries(urls.map((url, index) => [`s${index}`, { url }])), ...backend },
    ...more.backends,
  },
})

async function start(document: ProviderConfig, timeouts = {}) {
  const provider = new StaticProvider({ config: document })
  const proxy = createProxy({ providers: [provider], timeouts })
  onTestFinished(() => proxy.close())
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const down: string[] = []
  const up: string[] = []
  proxy.on('serverDown', ({ server, reason }) => down.push(`${server}: ${reason}`))
  proxy.on('serverUp', ({ server }) => up.push(server))
  const ask = async () => {
    const { status, body } = await httpGet({ port })
    return status === 200 ? body : String(status)
  }
  return { provider, proxy, ask, down, up }
}

async function answers(ask: () => Promise<string>, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let nth = 0; nth < count; nth++) {
    const answer = await ask()
    counts[answer] = (counts[answer] ?? 0) + 1
  }
  return counts
}

const isUp = (proxy: ReverseProxy, server: string) =>
  nextEvent(proxy, 'serverUp', (event) => event.server === server)
const isDown = (proxy: ReverseProxy, server: string) =>
  nextEvent(proxy, 'serverDown', (event) => event.server === server)

describe('a server that nothing listens at', () => {
  it('fails no request that may be sent again, is left alone after the first, and comes back by itself', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const { proxy, ask, down } = await start(config({}, [one.url, two.url]))
    const { port } = one.server
    for (const socket of one.server.sockets) socket.destroy()
    await new Promise((resolve) => one.server.server.close(resolve))
    let retries = 0
    proxy.on('requestFinished', (event) => {
      retries += event.retries
    })
    expect(await answers(ask, 300)).toEqual({ two: 300 })
    // Once, and again only after its ejection was over: on a slow machine that may have been meanwhile.
    expect(new Set(down)).toEqual(new Set([expect.stringMatching(/^s0: .*ECONNREFUSED/)]))
    await eventually(() => retries === down.length, 'each ejection has cost one request a retry')
    expect(down.length).toBeLessThan(10)
    await new Promise<void>((resolve) => one.server.server.listen(port, '127.0.0.1', resolve))
    // On a slow machine its ejection may be over already, and nobody would be told of its end once more.
    await eventually(async () => (await ask()) === 'one', 'it is asked again')
    expect(await answers(ask, 10)).toEqual({ one: 5, two: 5 })
  })

  it('is asked all the same if it is the only one', async () => {
    const { ask, down } = await start(config({}, ['http://127.0.0.1:1']))
    expect(await answers(ask, 3)).toEqual({ 502: 3 })
    expect(down).toEqual([])
  })
})

describe('a server that takes no connection and says nothing', () => {
  it('costs one request the connect timeout, once', async () => {
    const silent = await UnansweredPort.open()
    onTestFinished(() => silent.close())
    const well = await startNamed('well')
    const { proxy, ask, down } = await start(config({}, [`http://127.0.0.1:${silent.port}`, well.url]), {
      connectMs: 300,
    })
    let retries = 0
    proxy.on('requestFinished', (event) => {
      retries += event.retries
    })
    expect(await answers(ask, 100)).toEqual({ well: 100 })
    // Each time that it is tried costs one request; on a slow machine its ejection may have been over meanwhile.
    expect(new Set(down)).toEqual(new Set([expect.stringContaining('s0: ')]))
    expect(retries).toBe(down.length)
    expect(down.length).toBeLessThan(10)
  })
})

describe('a server that answers with errors', () => {
  const fail = (res: ServerResponse) => res.writeHead(503).end()

  it('gets at most 2 % of the requests, with outlier detection', async () => {
    const [bad, good] = [await startNamed('bad'), await startNamed('good')]
    bad.answer = fail
    const { ask, down } = await start(config({ outlierDetection: {} }, [bad.url, good.url]))
    const counts = await answers(ask, 600)
    expect(counts['503']).toBe(5)
    expect(bad.asked / 600).toBeLessThanOrEqual(0.02)
    expect(down).toEqual(['s0: 5 consecutive failures'])
  })

  it('is out the longer, the more often', async () => {
    const [bad, good] = [await startNamed('bad'), await startNamed('good')]
    bad.answer = fail
    const outlierDetection = { consecutiveFailures: 2, ejectionTime: '50ms', interval: '60s' }
    const { proxy, ask } = await start(config({ outlierDetection }, [bad.url, good.url]))
    const told: string[] = []
    proxy.on('serverUp', ({ reason }) => told.push(reason))
    await eventually(async () => {
      await ask()
      return told.length >= 3
    }, 'it was out three times')
    expect(told.slice(0, 3)).toEqual([50, 100, 200].map((ms) => `its ejection of ${ms} ms is over`))
  })

  it('goes by the share of its failures too, and never takes more than a share of the backend with it', async () => {
    const servers = await Promise.all(['a', 'b', 'c', 'd'].map(startNamed))
    for (const server of servers.slice(0, 3)) {
      let nth = 0
      server.answer = (res) => (nth++ % 2 === 0 ? fail(res) : res.end('half'))
    }
    const outlierDetection = { failureShare: 0.4, minimumRequests: 10 }
    const { ask, down } = await start(
      config(
        { outlierDetection },
        servers.map(({ url }) => url),
      ),
    )
    await answers(ask, 200)
    expect(down).toHaveLength(2)
    expect(down[0]).toMatch(/^s\d: \d+ of 1\d requests failed$/)
  })

  it('is not judged without outlier detection', async () => {
    const [bad, good] = [await startNamed('bad'), await startNamed('good')]
    bad.answer = fail
    const { ask, down } = await start(config({}, [bad.url, good.url]))
    expect(await answers(ask, 100)).toEqual({ 503: 50, good: 50 })
    expect(down).toEqual([])
  })
})

describe('health checks', () => {
  const healthCheck = { path: '/health', interval: '20ms', timeout: '500ms' }

  it('take a server out and put it back; when all are out, requests get 503', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const { proxy, ask } = await start(config({ healthCheck }, [one.url, two.url]))
    expect(await answers(ask, 4)).toEqual({ one: 2, two: 2 })
    let out = isDown(proxy, 's0')
    one.check = (res) => res.writeHead(500).end()
    expect((await out).reason).toBe('its health check was answered with 500')
    expect(await answers(ask, 20)).toEqual({ two: 20 })
    out = isDown(proxy, 's1')
    two.check = (res) => res.destroy()
    await out
    expect(await answers(ask, 3)).toEqual({ 503: 3 })
    const back = isUp(proxy, 's0')
    one.check = (res) => res.writeHead(204).end()
    await back
    expect(await answers(ask, 20)).toEqual({ one: 20 })
  })

  it.each<
    [
      what: string,
      check: Partial<Backend['healthCheck']>,
      answer: (res: ServerResponse) => void,
      reason: RegExp,
    ]
  >([
    ['is late', { timeout: '1s' }, () => {}, /no answer to its health check within 1000 ms/],
    [
      'leads elsewhere',
      { status: '200-299' },
      (res) => res.writeHead(302, { location: '/' }).end(),
      /answered with 302/,
    ],
    ['lacks a text', { body: 'réady' }, (res) => res.end('not yet'), /does not hold "réady"/],
    ['is none', {}, (res) => res.socket?.end('nonsense\r\n\r\n'), /Parse Error|HTTP/i],
  ])('see an answer that %s', async (_what, check, answer, reason) => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    one.check = answer
    two.check = (res) => res.end('it is réady')
    const { proxy, down, ask } = await start(
      config({ healthCheck: { ...healthCheck, ...check } }, [one.url, two.url]),
    )
    await eventually(() => down.length > 0, 'it is out')
    expect(down[0]).toMatch(reason)
    expect(await answers(ask, 5)).toEqual({ two: 5 })
    expect(proxy.state.generation).toBe(1)
  })

  it('heed thresholds, both ways', async () => {
    const one = await startNamed('one')
    const two = await startNamed('two')
    const thresholds = { unhealthyThreshold: 3, healthyThreshold: 4 }
    const { proxy } = await start(
      config({ healthCheck: { ...healthCheck, ...thresholds } }, [one.url, two.url]),
    )
    await eventually(() => one.checked.length > 0, 'it is asked')
    let failed = 0
    one.check = (res) => {
      failed += 1
      res.writeHead(500).end()
    }
    await isDown(proxy, 's0')
    expect(failed).toBe(3)
    let well = 0
    one.check = (res) => {
      well += 1
      res.end()
    }
    await isUp(proxy, 's0')
    expect(well).toBe(4)
  })

  it('ask as they are told to: another port, a name, headers', async () => {
    const [served, checked] = [await startNamed('served'), await startNamed('checked')]
    const how = { port: checked.server.port, hostname: 'health.test', headers: { 'X-Who': 'proxy' } }
    await start(config({ healthCheck: { ...healthCheck, ...how } }, [served.url]))
    await eventually(() => checked.checked.length > 1, 'it is asked')
    const [first] = checked.checked as [IncomingMessage]
    expect(first.headers).toMatchObject({ host: 'health.test', 'x-who': 'proxy' })
    expect(served.checked).toEqual([])
  })

  it('by TCP see whether a port takes connections', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const tcp = { scheme: 'tcp', interval: '20ms', timeout: '5s' } as const
    const { proxy, ask } = await start(config({ healthCheck: tcp }, [one.url, two.url]))
    const out = isDown(proxy, 's0')
    for (const socket of one.server.sockets) socket.destroy()
    await new Promise((resolve) => one.server.server.close(resolve))
    expect((await out).reason).toMatch(/ECONNREFUSED|ECONNRESET/)
    expect(await answers(ask, 5)).toEqual({ two: 5 })
  })
})

describe('what is known of servers outlives configurations', () => {
  const healthCheck = { path: '/health', interval: '50ms', timeout: '10s' }

  it('a server that hangs, and is out, gets no request after an unrelated change, nor after one of its own backend', async () => {
    const [hung, well] = [await startNamed('hung'), await startNamed('well')]
    const before = config({ healthCheck }, [hung.url, well.url])
    const { provider, proxy, ask } = await start(before)
    const out = isDown(proxy, 's0')
    hung.check = (res) => res.writeHead(500).end()
    await out
    // From here on it hangs, checks included: Traefik forgets it at each reload, and waits for a whole timeout.
    hung.check = () => {}
    hung.answer = () => {}
    const unrelated = config({ healthCheck }, [hung.url, well.url], {
      frontends: { other: { backend: 'other', rule: 'Host:other.test' } },
      backends: { other: { servers: { only: { url: well.url } } } },
    })
    expect(await provider.update(unrelated)).toMatchObject({ state: 'live' })
    expect(await answers(ask, 50)).toEqual({ well: 50 })
    const reweighted = config({ healthCheck: { ...healthCheck, interval: '60ms' } }, [hung.url, well.url])
    expect(await provider.update(reweighted)).toMatchObject({ state: 'live' })
    expect(await answers(ask, 50)).toEqual({ well: 50 })
    expect(hung.asked).toBe(0)
  })

  it('checks go on over a change that is not theirs, and end with their backend and with the proxy', async () => {
    const one = await startNamed('one')
    const slow = { path: '/health', interval: '300ms' }
    const { provider, proxy } = await start(config({ healthCheck: slow }, [one.url]))
    await eventually(() => one.checked.length === 1, 'the first')
    for (let change = 0; change < 5; change++) {
      const other = { other: { servers: { only: { url: `http://127.0.0.1:${change + 1}` } } } }
      await provider.update(config({ healthCheck: slow }, [one.url], { backends: other }))
    }
    // A check anew for each change would have come at once.
    expect(one.checked.length).toBe(1)
    await eventually(() => one.checked.length === 2, 'the second')
    await provider.update(config({}, [one.url]))
    const { length } = one.checked
    const two = await startNamed('two')
    await provider.update(config({ healthCheck: { path: '/health', interval: '10ms' } }, [two.url]))
    await eventually(() => two.checked.length > 40, 'four hundred milliseconds of checks elsewhere')
    expect(one.checked.length).toBe(length)
    await proxy.close()
    const after = two.checked.length
    await httpGet({ port: one.server.port })
    await httpGet({ port: two.server.port })
    expect(two.checked.length).toBeLessThanOrEqual(after + 1)
  })

  it('a server that checks took out is back when they are made no more', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    one.check = (res) => res.writeHead(500).end()
    const { provider, proxy, ask } = await start(config({ healthCheck }, [one.url, two.url]))
    await isDown(proxy, 's0')
    await provider.update(config({}, [one.url, two.url]))
    expect(await answers(ask, 10)).toEqual({ one: 5, two: 5 })
  })

  it('one backend has one set of checks, however many frontends name it', async () => {
    const one = await startNamed('one')
    const frontends = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`f${at}`, { backend: 'web', rule: `Host:h${at}.test` }]),
    )
    await start(config({ healthCheck: { path: '/health', interval: '10s' } }, [one.url], { frontends }))
    await eventually(() => one.checked.length > 0, 'the first')
    await httpGet({ port: one.server.port })
    expect(one.checked.length).toBe(1)
  })
})

describe('slow start', () => {
  it('gives a server that is new less than its share at first, and all of it in the end', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const { provider, ask } = await start(config({ slowStart: '5m' }, [one.url]))
    await provider.update(config({ slowStart: '5m' }, [one.url, two.url]))
    const first = await answers(ask, 40)
    expect(first['two'] ?? 0).toBeLessThan(15)
    const three = await startNamed('three')
    await provider.update(config({ slowStart: '1s' }, [one.url, three.url]))
    await eventually(
      async () => ((await answers(ask, 40))['three'] ?? 0) >= 18,
      'its share is that of the other',
    )
  })
})

describe('strategies on real servers', () => {
  it('p2c sends little to a server that is slow; leastConn no more than it can do', async () => {
    for (const [method, most] of [
      ['p2c', 0.12],
      ['leastConn', 0.2],
    ] as const) {
      const servers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(startNamed))
      for (const [index, server] of servers.entries())
        server.answer = (res) => void setTimeout(() => res.end('x'), index === 0 ? 400 : 3)
      const { ask } = await start(
        config(
          { loadBalancer: { method } },
          servers.map(({ url }) => url),
        ),
      )
      let left = 600
      const client = async () => {
        while (left-- > 0) await ask()
      }
      await Promise.all(Array.from({ length: 10 }, client))
      expect(servers[0]!.asked / 600).toBeLessThan(most)
      expect(servers[0]!.asked).toBeGreaterThan(0)
    }
  })
})

describe('stickiness', () => {
  it('keeps a client on the server that answered first, by a value that tells nothing, and moves it when that is out', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map(startNamed))
    const stickiness = { secure: true, httpOnly: true, sameSite: 'lax' } as const
    const healthCheck = { path: '/health', interval: '20ms' }
    const document = config(
      { loadBalancer: { stickiness }, healthCheck },
      servers.map(({ url }) => url),
    )
    const { proxy } = await start(document)
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const ask = async (cookie?: string) => {
      const headers = cookie === undefined ? {} : { cookie: `other=1; ${cookie}` }
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers })
      return { body: await response.text(), set: response.headers.get('set-cookie') }
    }
    const first = await ask()
    expect(first.set).toMatch(/^_[0-9a-f]{5}=[0-9a-f]{16}; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    expect(first.set).not.toContain('127.0.0.1')
    const cookie = first.set?.split(';')[0]
    for (let nth = 0; nth < 6; nth++) expect(await ask(cookie)).toEqual({ body: first.body, set: null })
    expect((await ask('_nonsense=1')).set).not.toBeNull()
    const index = 'abc'.indexOf(first.body)
    const out = isDown(proxy, `s${index}`)
    servers[index]!.check = (res) => res.writeHead(500).end()
    await out
    const moved = await ask(cookie)
    expect(moved.body).not.toBe(first.body)
    expect(moved.set).not.toBeNull()
    const back = isUp(proxy, `s${index}`)
    servers[index]!.check = (res) => res.end()
    await back
    expect(await ask(moved.set?.split(';')[0])).toEqual({ body: moved.body, set: null })
  })

  it('has Traefik’s old form', async () => {
    const one = await startNamed('one')
    const { proxy } = await start(config({ loadBalancer: { sticky: true } }, [one.url]))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(response.headers.get('set-cookie')).toMatch(/^_TRAEFIK_BACKEND=[0-9a-f]{16}; Path=\/$/)
  })
})

describe('limits on what is under way', () => {
  /** Requests that a server holds until they are let go. */
  function holding(server: Named) {
    const held: ServerResponse[] = []
    server.answer = (res) => void held.push(res)
    return { held, letGo: () => held.shift()?.end('done') }
  }

  it('maxConn: more of one client get 429, others do not, and a place is free again when one is over or has left', async () => {
    const one = await startNamed('one')
    const { held, letGo } = holding(one)
    const maxConn = { amount: 2, extractorFunc: 'request.header.X-Tenant' }
    const { proxy } = await start(config({ maxConn }, [one.url]))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const leaving = new AbortController()
    const ask = (tenant: string, signal?: AbortSignal) =>
      fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant': tenant }, ...(signal && { signal }) }).then(
        async (response) => `${response.status} ${await response.text()}`,
        () => 'left',
      )
    const first = ask('a')
    const second = ask('a', leaving.signal)
    await eventually(() => held.length === 2, 'two are under way')
    expect(await ask('a')).toMatch(/^429 .*PROXY_TOO_MANY_REQUESTS/s)
    const other = ask('b')
    await eventually(() => held.length === 3, 'another tenant is let in')
    letGo()
    expect(await first).toBe('200 done')
    const third = ask('a')
    await eventually(() => held.length === 3, 'a place was free')
    leaving.abort()
    expect(await second).toBe('left')
    const fourth = eventually(async () => {
      const answer = ask('a')
      const isIn = await Promise.race([
        answer.then(() => false),
        eventually(() => held.length === 4, 'in').then(() => true),
      ])
      return isIn
    }, 'a place of one that left')
    await fourth
    while (held.length > 0) letGo()
    expect([await other, await third]).toEqual(['200 done', '200 done'])
  })

  it('maxConnections: more wait in their order, no more than so many, no longer than so long', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const [ofOne, ofTwo] = [holding(one), holding(two)]
    const servers = { s0: { url: one.url, maxConnections: 1 }, s1: { url: two.url, maxConnections: 1 } }
    const { ask } = await start(config({ servers, queue: { size: 2, timeout: '400ms' } }, []))
    const answers: string[] = []
    const asked = (name: string) => ask().then((answer) => void answers.push(`${name} ${answer}`))
    const all = [asked('1'), asked('2')]
    await eventually(() => ofOne.held.length + ofTwo.held.length === 2, 'both are busy')
    all.push(asked('3'))
    await eventually(() => one.asked + two.asked === 2, 'the third waits')
    all.push(asked('4'))
    // The queue is full.
    await eventually(async () => (await ask()) === '503', 'one too many')
    ofOne.letGo()
    await eventually(() => ofOne.held.length === 1, 'the third is on its way')
    expect(answers).toEqual(['1 done'])
    await eventually(() => answers.length === 2, 'the fourth has waited for too long')
    expect(answers[1]).toBe('4 503')
    ofOne.letGo()
    ofTwo.letGo()
    await Promise.all(all)
    expect(answers.slice(2).sort()).toEqual(['2 done', '3 done'])
    expect(one.asked + two.asked).toBe(3)
  })

  it('under load never has more on a server than it may, loses none, and forgets clients that leave while they wait', async () => {
    let [now, most] = [0, 0]
    const one = await startNamed('one')
    one.answer = (res) => {
      most = Math.max(most, ++now)
      setTimeout(() => {
        now -= 1
        res.end('done')
      }, 2)
    }
    const servers = { s0: { url: one.url, maxConnections: 3 } }
    const { proxy, ask } = await start(config({ servers, queue: { size: 500 } }, []))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    const leaving = Array.from({ length: 40 }, () => {
      const left = new AbortController()
      const answer = fetch(`http://127.0.0.1:${port}/`, { signal: left.signal }).catch(() => undefined)
      return { left, answer }
    })
    const answers = Promise.all(Array.from({ length: 200 }, ask))
    for (const { left } of leaving) left.abort()
    expect(new Set(await answers)).toEqual(new Set(['done']))
    await Promise.all(leaving.map(({ answer }) => answer))
    expect(most).toBeLessThanOrEqual(3)
    expect(await ask()).toBe('done')
  })

  it('those who wait are called when a server is back, and over a change of the configuration', async () => {
    const [one, two] = [await startNamed('one'), await startNamed('two')]
    const [ofOne, ofTwo] = [holding(one), holding(two)]
    one.check = (res) => res.writeHead(500).end()
    const healthCheck = { path: '/health', interval: '20ms' }
    const servers = { s0: { url: one.url, maxConnections: 1 }, s1: { url: two.url, maxConnections: 1 } }
    const { provider, proxy, ask } = await start(config({ servers, healthCheck }, []))
    await isDown(proxy, 's0')
    const first = ask()
    await eventually(() => ofTwo.held.length === 1, 'the first')
    const second = ask()
    await provider.update(config({ servers, healthCheck, queue: { size: 7 } }, []))
    one.check = (res) => res.end()
    await eventually(() => ofOne.held.length === 1, 'the second is called')
    ofOne.letGo()
    ofTwo.letGo()
    expect([await first, await second]).toEqual(['done', 'done'])
  })

  it('a request that is retried waits too, and a server that is down is not waited for', async () => {
    const one = await startNamed('one')
    const { held, letGo } = holding(one)
    const servers = { s0: { url: 'http://127.0.0.1:1' }, s1: { url: one.url, maxConnections: 1 } }
    const { ask } = await start(config({ servers, queue: { timeout: '5s' } }, []))
    const first = ask()
    await eventually(() => held.length === 1, 'the first')
    const second = ask()
    letGo()
    expect(await first).toBe('done')
    await eventually(() => held.length === 1, 'the second')
    letGo()
    expect(await second).toBe('done')
  })
})

describe('a circuit breaker', () => {
  it('trips, lets none through for a while, then more and more, and tells of each state; a change elsewhere leaves it', async () => {
    const one = await startNamed('one')
    const circuitBreaker = {
      expression: 'ResponseCodeRatio(500, 600, 0, 600) > 0.5',
      fallbackDuration: '3s',
      recoveryDuration: '300ms',
    }
    const { provider, proxy, ask } = await start(config({ circuitBreaker }, [one.url]))
    const states: string[] = []
    proxy.on('circuitChanged', ({ backend, state }) => states.push(`${backend} ${state}`))
    expect(await answers(ask, 5)).toEqual({ one: 5 })
    one.answer = (res) => res.writeHead(500).end()
    await eventually(async () => (await ask()) === '503', 'it has tripped')
    expect(states).toEqual(['web@static tripped'])
    const { asked } = one
    const elsewhere = { other: { servers: { only: { url: one.url } } } }
    await provider.update(
      config({ circuitBreaker }, [one.url, 'http://127.0.0.1:1'], { backends: elsewhere }),
    )
    expect(await answers(ask, 5)).toEqual({ 503: 5 })
    expect(one.asked).toBe(asked)
    one.answer = (res) => res.end('one')
    await eventually(async () => (await ask()) === 'one', 'some pass again')
    await eventually(async () => {
      await ask()
      return states.at(-1) === 'web@static standby'
    }, 'all pass again')
    expect(states).toEqual(['tripped', 'recovering', 'standby'].map((state) => `web@static ${state}`))
    expect(await answers(ask, 20)).toEqual({ one: 20 })
  })

  it('trips again while it recovers, by failures to get a response and by latency too', async () => {
    for (const [expression, sick] of [
      ['NetworkErrorRatio() > 0.3', (res: ServerResponse) => void res.destroy()],
      ['LatencyAtQuantileMS(50.0) > 30', (res: ServerResponse) => void setTimeout(() => res.end('slow'), 40)],
    ] as const) {
      const one = await startNamed('one')
      one.answer = sick
      const durations = { fallbackDuration: '50ms', recoveryDuration: '60s' }
      const { proxy, ask } = await start(config({ circuitBreaker: { expression, ...durations } }, [one.url]))
      const states: string[] = []
      proxy.on('circuitChanged', ({ state }) => states.push(state))
      await eventually(async () => {
        await ask()
        return states.length >= 3
      }, 'it has tripped twice')
      expect(states.slice(0, 3)).toEqual(['tripped', 'recovering', 'tripped'])
    }
  })
})
