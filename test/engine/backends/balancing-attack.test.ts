import { request, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { type Backend, type ProviderConfig, type StrategyFactory, validateConfig } from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Candidate, type Strategy, strategyTable } from '../../../src/balancing/strategies.js'
import { OutlierDetection } from '../../../src/engine/backends/outlier-detection.js'
import { RecentResponses } from '../../../src/engine/backends/recent-responses.js'
import { ServerState } from '../../../src/engine/backends/server-state.js'
import { startOpenEngine, startServer } from '../../support/live-engine.js'
import { eventually } from '../../support/next-event.js'
import type { OpenEngine } from '../../support/open-engine.js'
import { UnansweredPort } from '../../support/unanswered-port.js'

/** A server of which a test can change every property. */
type Fake = { -readonly [K in keyof Candidate]: Candidate[K] } & { readonly name: string }

function fakes(...weights: number[]): Fake[] {
  return weights.map((weight, index) => ({
    name: String.fromCharCode(97 + index),
    url: `http://10.0.${index >> 8}.${index & 255}:80`,
    weight,
    metadata: {},
    share: 1,
    isAvailable: true,
    inFlight: 0,
    latencyMs: undefined,
    failureShare: 0,
  }))
}

/** Returns servers that count how often a strategy reads their state and their URL. The first `out` of them are out. */
function counted(count: number, out = 0): { upstreams: Fake[]; looked: { states: number; urls: number } } {
  const looked = { states: 0, urls: 0 }
  const upstreams = fakes(...Array.from({ length: count }, () => 1)).map((fake, index) => {
    const { url } = fake
    return Object.defineProperties(fake, {
      isAvailable: {
        get() {
          looked.states += 1
          return index >= out
        },
      },
      url: {
        get() {
          looked.urls += 1
          return url
        },
      },
    })
  })
  return { upstreams, looked }
}

function make(method: string, upstreams: readonly Fake[]): Strategy<Fake> {
  const factory = strategyTable().get(method)
  if (!factory) throw new Error(`there is no ${method}`)
  return factory(upstreams, { method }, { metadata: {} })
}

function begin(pick: Strategy<Fake>, picked: Fake | undefined): Fake {
  if (!picked) throw new Error('none was picked')
  picked.inFlight += 1
  pick.changed?.(picked)
  return picked
}

function end(pick: Strategy<Fake>, picked: Fake): void {
  picked.inFlight -= 1
  pick.changed?.(picked)
}

const facts = { method: 'GET', host: 'a.test', path: '/', query: '', headers: {}, clientAddress: '10.0.0.1' }

const documentOf = (
  servers: Backend['servers'],
  backend: Partial<Backend> = {},
  others: ProviderConfig['backends'] = {},
): ProviderConfig => ({
  frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
  backends: { pool: { servers, ...backend }, ...others },
})

interface Answer {
  readonly status: number
  readonly body: string
}

interface Asked {
  readonly answer: Promise<Answer | undefined>
  readonly leave: () => void
}

/** Sends a request on a connection of its own. It resolves to no answer if the connection is cut or was left. */
function ask(port: number, method = 'GET', path = '/'): Asked {
  const req = request({ port, host: '127.0.0.1', method, path, agent: false })
  const answer = new Promise<Answer | undefined>((resolve) => {
    req.on('error', () => resolve(undefined))
    req.on('response', (res) => {
      let body = ''
      res.on('data', (chunk) => (body += chunk))
      res.on('error', () => resolve(undefined))
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body }))
    })
  })
  req.end(method === 'POST' ? 'a body' : undefined)
  onTestFinished(() => void req.destroy())
  return { answer, leave: () => req.destroy() }
}

/** Starts a server that holds each request until the test releases it. */
async function startHolding(name = 'held') {
  const held: ServerResponse[] = []
  const server = await startServer((req, res) => {
    req.resume()
    held.push(res)
    res.on('close', () => held.includes(res) && held.splice(held.indexOf(res), 1))
  })
  return { url: server.url, server, held, letGo: () => held.shift()?.end(name) }
}

async function startNamed(name: string) {
  const counts = { asked: 0 }
  const server = await startServer((req, res) => {
    req.resume()
    counts.asked += 1
    res.end(name)
  })
  return Object.assign(counts, { url: server.url, server })
}

const backendOf = (engine: OpenEngine, name = 'pool@static') => {
  const backend = engine.snapshot?.backends.get(name)
  if (!backend) throw new Error(`there is no backend ${name}`)
  return backend
}

const stateOf = (engine: OpenEngine, server: string) => {
  const found = backendOf(engine).servers.find(({ name }) => name === server)
  if (!found) throw new Error(`there is no server ${server}`)
  return found.state
}

/** Resolves to the answer, or to 'too late' if that comes first. */
const within = <T>(answer: Promise<T>, ms: number): Promise<T | 'too late'> =>
  Promise.race([
    answer,
    new Promise<'too late'>((resolve) => void setTimeout(() => resolve('too late'), ms).unref()),
  ])

describe('the queue', () => {
  // docs/balancing.md: "A request that is retried waits like any other". The fault: the queue calls the request for a server that
  // it may not get, so it waits again at the end. All of that repeats in one turn of the event loop, so the process is blocked.
  it('does not call in a retried request again and again for the server that failed it', async () => {
    let calls = 0
    /** Picks servers in their order, as `first` does. It throws after many picks, so an endless loop cannot block the test. */
    const counted: StrategyFactory = (servers) => (skip) => {
      if (++calls > 10_000) throw new Error('picked ten thousand times')
      return servers.find((server) => server.isAvailable && !skip?.has(server))
    }
    const busy = await startHolding('busy')
    let heldByBad: ServerResponse | undefined
    const bad = await startServer((req, res) => {
      if (req.url === '/held') heldByBad = res
      else req.socket.destroy()
    })
    const { engine, port } = await startOpenEngine(
      documentOf(
        { bad: { url: bad.url, maxConnections: 2 }, busy: { url: busy.url, maxConnections: 1 } },
        { loadBalancer: { method: 'counted' } },
      ),
      { strategies: { counted } },
    )
    const state = stateOf(engine, 'bad')
    // `busy` gets a request while `bad` is out.
    state.takeOut('check', 'by this test')
    ask(port)
    await eventually(() => busy.held.length === 1, 'the other is busy')
    state.putBack('check')
    const onBad = ask(port, 'GET', '/held')
    await eventually(() => heldByBad !== undefined, 'one is under way on the bad one')
    const retried = ask(port)
    await eventually(() => state.inFlight === 1 && calls >= 5, 'it failed on the bad one twice, and waits')
    const before = calls
    heldByBad?.end('held')
    expect(await onBad.answer).toMatchObject({ status: 200 })
    expect(calls - before).toBeLessThan(100)
    busy.letGo()
    await eventually(() => busy.held.length === 1, 'the retried request')
    busy.letGo()
    expect(await retried.answer).toEqual({ status: 200, body: 'busy' })
  })

  // docs/balancing.md: "while all servers have theirs, further requests wait". Here the server is idle.
  it('calls in a request of the new configuration when one of the old configuration is over', async () => {
    const one = await startHolding()
    const servers = { one: { url: one.url, maxConnections: 1 } }
    const { engine, port } = await startOpenEngine(documentOf(servers, { queue: { timeout: '5s' } }))
    const first = ask(port)
    await eventually(() => one.held.length === 1, 'the first')
    await engine.apply(documentOf(servers, { queue: { timeout: '6s' } }))
    const second = ask(port)
    await eventually(() => engine.inFlight.size === 2, 'the second waits')
    one.letGo()
    expect(await first.answer).toMatchObject({ status: 200 })
    await eventually(
      () => stateOf(engine, 'one').inFlight === 0 || one.held.length === 1,
      'the server is free',
    )
    await within(second.answer, 1_000)
    expect(one.held.length).toBe(1)
  })

  it('calls in those that wait when a configuration lets the servers have more', async () => {
    const one = await startHolding()
    const { engine, port } = await startOpenEngine(documentOf({ one: { url: one.url, maxConnections: 1 } }))
    ask(port)
    ask(port)
    await eventually(() => one.held.length === 1 && engine.inFlight.size === 2, 'one is held, one waits')
    await engine.apply(documentOf({ one: { url: one.url, maxConnections: 10 } }))
    await eventually(() => one.held.length === 2, 'both are held')
  })

  // Requests wait "while every server of a backend has all requests that its maxConnections allows". This server has none.
  it('calls in those that wait when a health check puts a server back', async () => {
    const one = await startHolding()
    let isWell = false
    const back = await startServer((req, res) => {
      res.statusCode = req.url === '/health' && !isWell ? 500 : 200
      res.end('back')
    })
    const healthCheck = { path: '/health', interval: '20ms' }
    const asWell = await startServer((req, res) => {
      if (req.url === '/health') res.end()
      else one.held.push(res)
    })
    const { engine, port } = await startOpenEngine(
      documentOf(
        { one: { url: asWell.url, maxConnections: 1 }, back: { url: back.url, maxConnections: 1 } },
        { healthCheck },
      ),
    )
    await eventually(() => !stateOf(engine, 'back').isAvailable, 'it is out')
    ask(port)
    await eventually(() => one.held.length === 1, 'the first')
    const waiting = ask(port)
    await eventually(() => engine.inFlight.size === 2, 'one waits')
    isWell = true
    await eventually(() => stateOf(engine, 'back').isAvailable, 'it is back')
    expect(await within(waiting.answer, 30_000)).toEqual({ status: 200, body: 'back' })
  })

  it('calls in those that wait when an ejection is over', async () => {
    const [one, back] = [await startHolding(), await startNamed('back')]
    const { engine, port } = await startOpenEngine(
      documentOf({ dead: { url: back.url, maxConnections: 1 }, one: { url: one.url, maxConnections: 1 } }),
    )
    const { port: backPort } = back.server
    for (const socket of back.server.sockets) socket.destroy()
    await new Promise((resolve) => back.server.server.close(resolve))
    ask(port)
    await eventually(() => one.held.length === 1 && !stateOf(engine, 'dead').isAvailable, 'it is ejected')
    const waiting = ask(port)
    await eventually(() => engine.inFlight.size === 2, 'one waits')
    await new Promise<void>((resolve) => back.server.server.listen(backPort, '127.0.0.1', resolve))
    await eventually(() => stateOf(engine, 'dead').isAvailable, 'it is back')
    expect(await within(waiting.answer, 30_000)).toEqual({ status: 200, body: 'back' })
  })

  // docs/configuration.md: `maxConnections`: "requests under way on it at a time, each on a connection of its own; more wait".
  it('never has more on a server than it may, also when a stale connection is tried again', async () => {
    let [now, most, total] = [0, 0, 0]
    const held: ServerResponse[] = []
    const one = await startServer((req, res) => {
      total += 1
      if (total === 2) {
        req.socket.destroy()
        return
      }
      most = Math.max(most, ++now)
      res.on('close', () => (now -= 1))
      if (total === 1) res.end('first')
      else held.push(res)
    })
    const { engine, port } = await startOpenEngine(documentOf({ one: { url: one.url, maxConnections: 1 } }))
    await ask(port).answer
    // The second request fails on a stale connection, while the third waits.
    const pick = backendOf(engine).servers[0]!
    pick.state.inFlight += 1
    const waiting = [ask(port), ask(port)]
    await eventually(() => engine.inFlight.size === 2, 'both wait')
    backendOf(engine).ended(pick)
    await eventually(() => held.length > 0, 'one is under way')
    await eventually(() => total >= 4 || held.length > 1, 'both', 500).catch(() => {})
    expect(most).toBe(1)
    for (const res of held) res.end()
    void waiting
  })
})

describe('the last server', () => {
  // docs/balancing.md: "The last server of a backend is never taken out by 1 or 2."
  it('is not ejected because checks have taken out the others, not it', async () => {
    const sick = await startServer((_req, res) => res.writeHead(500).end())
    let isWell = true
    const last = await startServer((req, res) => {
      res.statusCode = req.url === '/health' || isWell ? 200 : 500
      res.end('last')
    })
    const { engine, port } = await startOpenEngine(
      documentOf(
        { sick: { url: sick.url }, last: { url: last.url } },
        {
          healthCheck: { path: '/health', interval: '20ms' },
          outlierDetection: { consecutiveFailures: 2, ejectionTime: '60s' },
        },
      ),
    )
    await eventually(() => !stateOf(engine, 'sick').isAvailable, 'checks took it out')
    isWell = false
    await ask(port).answer
    await ask(port).answer
    isWell = true
    expect(stateOf(engine, 'last').isAvailable).toBe(true)
    expect(await ask(port).answer).toEqual({ status: 200, body: 'last' })
  })

  it('is not out when the others leave the configuration while it is ejected', async () => {
    let isWell = false
    const once = await startServer((_req, res) => res.writeHead(isWell ? 200 : 500).end('once'))
    const other = await startNamed('other')
    const backend = { outlierDetection: { consecutiveFailures: 1, ejectionTime: '60s' } }
    const { engine, port } = await startOpenEngine(
      documentOf({ once: { url: once.url }, other: { url: other.url } }, backend),
    )
    await eventually(async () => {
      await ask(port).answer
      return !stateOf(engine, 'once').isAvailable
    }, 'it is ejected')
    isWell = true
    await engine.apply(documentOf({ once: { url: once.url } }, backend))
    expect(await ask(port).answer).toEqual({ status: 200, body: 'once' })
  })
})

describe('leastConn', () => {
  // docs/balancing.md: "With slowStart a server that is new, or back, begins with a tenth of its weight and comes to all of it in
  // that time."
  it('gives a server its part when its slow start is over', () => {
    const upstreams = fakes(1, 1)
    const fresh = upstreams[1] as Fake
    fresh.share = 0.1
    const pick = make('leastConn', upstreams)
    for (let nth = 0; nth < 10; nth++) end(pick, begin(pick, pick()))
    fresh.share = 1
    let picked = 0
    for (let nth = 0; nth < 1_000; nth++) {
      const server = begin(pick, pick())
      if (server === fresh) picked += 1
      end(pick, server)
    }
    expect(picked).toBeGreaterThan(400)
  })

  // "A server that stands in the next configuration keeps its requests under way". So it must also learn of their end.
  it('knows after a change of the configuration when requests from before it are over', async () => {
    const [one, two] = [await startHolding('one'), await startHolding('two')]
    const document = (slowStart: string) =>
      documentOf(
        { one: { url: one.url }, two: { url: two.url } },
        { loadBalancer: { method: 'leastConn' }, slowStart },
      )
    const { engine, port } = await startOpenEngine(document('1ms'))
    stateOf(engine, 'two').takeOut('check', 'by this test')
    const before = Array.from({ length: 10 }, () => ask(port))
    await eventually(() => one.held.length === 10, 'ten are under way on one')
    stateOf(engine, 'two').putBack('check')
    await engine.apply(document('2ms'))
    while (one.held.length > 0) one.letGo()
    await Promise.all(before.map(({ answer }) => answer))
    await eventually(() => stateOf(engine, 'one').inFlight === 0, 'nothing is under way')
    const after = Array.from({ length: 8 }, () => ask(port))
    await eventually(() => one.held.length + two.held.length === 8, 'eight')
    expect([one.held.length, two.held.length]).toEqual([4, 4])
    void after
  })
})

describe('drr', () => {
  // docs/balancing.md: "away from servers that are slow or fail". A server that fails at once is the fastest.
  it('does not send as much to a server that fails at once as to those that are well', () => {
    const upstreams = fakes(1, 1, 1)
    Object.assign(upstreams[0] as Fake, { latencyMs: 0.3, failureShare: 1 })
    Object.assign(upstreams[1] as Fake, { latencyMs: 20 })
    Object.assign(upstreams[2] as Fake, { latencyMs: 20 })
    const pick = make('drr', upstreams)
    let failed = 0
    for (let nth = 0; nth < 3_000; nth++) if (pick() === upstreams[0]) failed += 1
    expect(failed / 3_000).toBeLessThan(0.1)
  })
})

describe('consistentHash', () => {
  // docs/configuration.md: "as long as that has at most 1.25 times its share". Servers that are out have no share.
  it('keeps its bound while servers are out', () => {
    const upstreams = fakes(...Array.from({ length: 10 }, () => 1))
    for (const upstream of upstreams.slice(0, 5)) upstream.isAvailable = false
    const pick = make('consistentHash', upstreams)
    for (let nth = 0; nth < 400; nth++) begin(pick, pick(undefined, facts))
    expect(Math.max(...upstreams.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(
      Math.ceil((400 / 5) * 1.25) + 1,
    )
  })

  // docs/life-of-a-request.md: nothing on the hot path waits. The first request after each change of a backend makes the ring.
  it('does not hold up the process at the first request', () => {
    const { upstreams, looked } = counted(10_000)
    const pick = make('consistentHash', upstreams)
    const before = looked.urls
    // The URLs determine the points of the ring.
    expect(before).toBeGreaterThanOrEqual(10_000)
    pick(undefined, facts)
    expect(looked.urls).toBe(before)
    expect(looked.states).toBeLessThan(2 * 10_000)
  })
})

describe('a pick where servers are out', () => {
  const SERVERS = 2_000

  /** Returns how often one pick reads whether a server is available, on average. */
  const looksOf = (method: string, out: number) => {
    const { upstreams, looked } = counted(SERVERS, out)
    const pick = make(method, upstreams)
    const once = (nth: number) => {
      const picked = pick(undefined, { ...facts, clientAddress: `10.0.0.${nth}` })
      if (picked) end(pick, begin(pick, picked))
    }
    for (let nth = 0; nth < 20; nth++) once(nth)
    const before = looked.states
    for (let nth = 0; nth < 50; nth++) once(nth)
    return (looked.states - before) / 50
  }

  // docs/balancing.md: "All cost O(1) or O(log n) for a request, but for `first`."
  it('of leastConn does not go through all that are out for each request', () => {
    expect(looksOf('leastConn', SERVERS / 2)).toBeLessThan(SERVERS / 40)
  })

  // All servers are at their `maxConnections`. The fault: each further request costs milliseconds, though it only has to wait.
  it('of consistentHash does not go through its whole ring where none may be picked', () => {
    // A pick may read each server twice, and a few points. The ring has fifty points for each server.
    expect(looksOf('consistentHash', SERVERS)).toBeLessThan(3 * SERVERS)
  })
})

describe('a server that cannot be connected to', () => {
  // docs/balancing.md: "a silent server costs one request the connect timeout".
  it('is left alone though its clients were less patient than the connect timeout', async () => {
    const silent = await UnansweredPort.open()
    onTestFinished(() => silent.close())
    const well = await startNamed('well')
    const { engine, port } = await startOpenEngine(
      documentOf({ silent: { url: `http://127.0.0.1:${silent.port}` }, well: { url: well.url } }),
      { timeouts: { connectMs: 200 } },
    )
    const down: string[] = []
    engine.events.on('serverDown', ({ server }) => down.push(server))
    await eventually(async () => {
      const asked = ask(port)
      await within(asked.answer, 120)
      asked.leave()
      return down.length > 0
    }, 'it is left alone')
    expect(down).toEqual(['silent'])
  })

  // docs/balancing.md: "At once, for a second, then two, four, up to 30 s". The week must end that series.
  it('is out for a second again after it has been well for a week', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const servers = ['a', 'b'].map((name) => ({ name, weight: 1, state: new ServerState() }))
    const told: string[] = []
    for (const { state } of servers)
      state.listener = { changed: () => {}, wentOut: () => {}, cameBack: (reason) => void told.push(reason) }
    const outliers = new OutlierDetection(servers as never, undefined)
    for (let week = 0; week < 5; week++) {
      outliers.unreachable(servers[0] as never, new Error('connect ECONNREFUSED') as never)
      for (let day = 0; day < 7; day++) {
        vi.advanceTimersByTime(86_400_000)
        for (let nth = 0; nth < 100; nth++) outliers.judge(servers[0] as never, false)
      }
    }
    expect(new Set(told)).toEqual(new Set(['its ejection of 1000 ms is over']))
  })
})

describe('outlier detection', () => {
  // docs/balancing.md: "too many of its responses are 500 and more, or there are none".
  it('sees that a server gives no response to requests that may not be sent twice', async () => {
    let asked = 0
    const bad = await startServer((req) => {
      asked += 1
      req.socket.destroy()
    })
    const good = await startNamed('good')
    const { port } = await startOpenEngine(
      documentOf(
        { bad: { url: bad.url }, good: { url: good.url } },
        { outlierDetection: { consecutiveFailures: 3 } },
      ),
    )
    for (let nth = 0; nth < 60; nth++) await ask(port, 'POST').answer
    expect(asked).toBeLessThanOrEqual(4)
  })
})

describe('health checks', () => {
  // docs/limits.md: servers must be in `upstreamNetworks`, "looked at whenever a connection is made".
  it('by tcp connect to no address that servers may not have', async () => {
    let connections = 0
    const secret = createTcpServer((socket) => {
      connections += 1
      socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => secret.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void secret.close())
    const { port: secretPort } = secret.address() as { port: number }
    const { engine } = await startOpenEngine(
      documentOf(
        { one: { url: `http://127.0.0.1:${secretPort}` } },
        { healthCheck: { scheme: 'tcp', interval: '20ms' } },
      ),
      { limits: { upstreamNetworks: ['10.0.0.0/8'] } },
    )
    await eventually(() => connections > 0 || !stateOf(engine, 'one').isAvailable, 'the check has ended')
    expect(connections).toBe(0)
  })

  it('are not made without a pause where the interval is long', async () => {
    let checks = 0
    const one = await startServer((_req, res) => {
      checks += 1
      res.end()
    })
    const servers = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`s${at}`, { url: one.url }]))
    // Validation accepts this interval, because it is less than 2 ** 31 - 1 ms.
    await startOpenEngine(documentOf(servers, { healthCheck: { path: '/', interval: '596h' } }))
    await eventually(() => checks > 15, 'more than the first ten', 1_000).catch(() => {})
    expect(checks).toBeLessThanOrEqual(10)
  })

  it('take no server out for a header Host', async () => {
    const hosts: unknown[] = []
    const one = await startServer((req, res) => {
      hosts.push(req.headers.host)
      res.end()
    })
    const headers = { Host: 'health.test' }
    const { engine } = await startOpenEngine(
      documentOf({ one: { url: one.url } }, { healthCheck: { path: '/health', headers, interval: '20ms' } }),
    )
    await eventually(() => hosts.length > 1 || !stateOf(engine, 'one').isAvailable, 'it was checked')
    expect(stateOf(engine, 'one').reason).toBeUndefined()
    expect(hosts[0]).toBe('health.test')
  })

  // "Everything in it is checked before anything of it is used". These checks can never succeed: all servers would be out.
  it.each([
    ['a path with a blank', { path: '/he alth' }],
    ['a path with a line break', { path: '/x\r\nX-Evil: 1' }],
    ['a host with a line break', { path: '/', hostname: 'a\r\nX-Evil: 1' }],
    ['an empty range of statuses', { path: '/', status: '399-200' }],
    ['a header that frames a message', { path: '/', headers: { 'Transfer-Encoding': 'chunked' } }],
    ['a header Upgrade', { path: '/', headers: { Upgrade: 'x' } }],
    ['a header Expect', { path: '/', headers: { Expect: '100-continue' } }],
  ])('are refused with %s', (_what, healthCheck) => {
    expect(validateConfig(documentOf({ one: { url: 'http://10.0.0.1' } }, { healthCheck })).ok).toBe(false)
  })

  // `close()` "ends everything". The fault: a check goes on connecting for the whole connect timeout, which holds the process.
  it('leave no socket behind when the engine is closed', async () => {
    const silent = await UnansweredPort.open()
    onTestFinished(() => silent.close())
    const handles = () => (process as unknown as { _getActiveHandles(): Socket[] })._getActiveHandles()
    const before = new Set(handles())
    const connecting = () => handles().filter((handle) => !before.has(handle) && handle.connecting)
    const { engine } = await startOpenEngine(
      documentOf({ one: { url: `http://127.0.0.1:${silent.port}` } }, { healthCheck: { path: '/' } }),
    )
    await eventually(() => connecting().length > 0, 'it connects', 30_000)
    await engine.close()
    await eventually(() => connecting().length === 0, 'it has stopped connecting', 30_000)
  })

  // On Node 20, each `AbortSignal.any` leaves an entry in its source signal, which lives here as long as the backend.
  it('leave nothing behind with each check', async () => {
    const sources = new Map<AbortSignal, number>()
    const { any } = AbortSignal
    AbortSignal.any = (signals) => {
      const given = [...signals]
      for (const signal of given) sources.set(signal, (sources.get(signal) ?? 0) + 1)
      return any.call(AbortSignal, given)
    }
    onTestFinished(() => {
      AbortSignal.any = any
    })
    let checks = 0
    const one = await startServer((_req, res) => {
      checks += 1
      res.end()
    })
    await startOpenEngine(
      documentOf({ one: { url: one.url } }, { healthCheck: { path: '/', interval: '1ms' } }),
    )
    await eventually(() => checks > 300, 'three hundred checks', 30_000)
    const kept = [...sources.keys()].map((signal) => {
      const name = Object.getOwnPropertySymbols(signal).find(({ description }) =>
        /dependant/i.test(description ?? ''),
      )
      return name ? (((signal as never)[name] as Set<unknown> | undefined)?.size ?? 0) : 0
    })
    expect(Math.max(0, ...kept)).toBeLessThan(50)
  })

  // docs/events.md: `serverUp`: "it is back". Otherwise a dashboard would show the server as down forever.
  it('tell of a server that is back because the configuration has removed them', async () => {
    const one = await startServer((_req, res) => res.writeHead(500).end())
    const { engine } = await startOpenEngine(
      documentOf({ one: { url: one.url } }, { healthCheck: { path: '/', interval: '20ms' } }),
    )
    const up: string[] = []
    engine.events.on('serverUp', ({ server }) => up.push(server))
    await eventually(() => !stateOf(engine, 'one').isAvailable, 'it is out')
    await engine.apply(documentOf({ one: { url: one.url } }))
    expect(stateOf(engine, 'one').isAvailable).toBe(true)
    expect(up).toEqual(['one'])
  })

  // docs/balancing.md: "A change elsewhere never puts a dead server back", and this one never went live.
  it('are not overruled by a configuration that never serves', async () => {
    const sick = await startServer((_req, res) => res.writeHead(500).end())
    const healthCheck = { path: '/', interval: '30s' }
    const { engine } = await startOpenEngine(documentOf({ sick: { url: sick.url } }, { healthCheck }))
    await eventually(() => !stateOf(engine, 'sick').isAvailable, 'it is out')
    const others = Object.fromEntries(
      Array.from({ length: 30_000 }, (_, at) => [
        `b${at}`,
        { servers: { only: { url: `http://10.0.0.1:${at + 1}` } } },
      ]),
    )
    const state = stateOf(engine, 'sick')
    const given = engine.apply(documentOf({ sick: { url: sick.url } }, {}, others)).catch(() => 'given up')
    // The configuration is being compiled.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect([engine.generation, state.isAvailable]).toEqual([1, false])
    await engine.apply(documentOf({ sick: { url: sick.url } }, { healthCheck })).catch(() => {})
    expect(await given).toBe('given up')
    expect(stateOf(engine, 'sick').isAvailable).toBe(false)
  })
})

describe('maxConn', () => {
  // docs/balancing.md: "limits how many requests of one client, host or header value are under way at a backend; more get 429".
  it('still knows of requests under way when a server of the backend changes', async () => {
    const one = await startHolding()
    const maxConn = { amount: 1, extractorFunc: 'client.ip' }
    const { engine, port } = await startOpenEngine(documentOf({ one: { url: one.url } }, { maxConn }))
    ask(port)
    await eventually(() => one.held.length === 1, 'the first')
    await engine.apply(documentOf({ one: { url: one.url }, two: { url: one.url, weight: 0 } }, { maxConn }))
    expect(await within(ask(port).answer, 30_000)).toMatchObject({ status: 429 })
  })
})

describe('two servers of one URL', () => {
  it('both keep their requests under way over a change', async () => {
    const one = await startHolding()
    const servers = { a: { url: one.url, maxConnections: 1 }, b: { url: one.url, maxConnections: 1 } }
    const { engine, port } = await startOpenEngine(documentOf(servers))
    ask(port)
    ask(port)
    await eventually(() => one.held.length === 2, 'each has one')
    await engine.apply(documentOf(servers, { queue: { size: 7 } }))
    expect(backendOf(engine).servers.map(({ inFlight }) => inFlight)).toEqual([1, 1])
  })
})

describe('a circuit breaker', () => {
  // A request that was under way when the breaker tripped says nothing about the backend's health afterwards.
  it('does not trip again by a request that was under way when it tripped', async () => {
    const held: ServerResponse[] = []
    let isWell = false
    const one = await startServer((req, res) => {
      if (req.url === '/held') held.push(res)
      else if (isWell) res.end('well')
      else res.writeHead(500).end()
    })
    const circuitBreaker = {
      expression: 'ResponseCodeRatio(500, 600, 0, 600) > 0.3',
      fallbackDuration: '200ms',
      recoveryDuration: '60s',
    }
    const { engine, port } = await startOpenEngine(documentOf({ one: { url: one.url } }, { circuitBreaker }))
    const states: string[] = []
    engine.events.on('circuitChanged', ({ state }) => states.push(state))
    const late = ask(port, 'GET', '/held')
    await eventually(() => held.length === 1, 'one is under way')
    await eventually(async () => {
      await ask(port).answer
      return states.includes('tripped')
    }, 'it has tripped')
    isWell = true
    await eventually(async () => {
      await ask(port).answer
      return states.includes('recovering')
    }, 'it recovers')
    await within(new Promise(() => {}), 150)
    held[0]?.writeHead(500).end()
    await late.answer
    expect(states).toEqual(['tripped', 'recovering'])
  })
})

describe('a latency of a quantile', () => {
  // No request took less than 54 ms, so `LatencyAtQuantileMS(50.0) > 50` must hold, as in Traefik.
  it('is not less than any that was measured', () => {
    const recent = new RecentResponses()
    for (let nth = 0; nth < 100; nth++) recent.count(200, 54)
    expect(recent.latencyAtQuantileMs(50)).toBeGreaterThan(50)
  })
})

describe('an event', () => {
  it('serverUp names a server as it is called now', async () => {
    const once = await startServer((_req, res) => res.writeHead(500).end())
    const other = await startNamed('other')
    const backend = { outlierDetection: { consecutiveFailures: 1, ejectionTime: '400ms' } }
    const { engine, port } = await startOpenEngine(
      documentOf({ before: { url: once.url }, other: { url: other.url } }, backend),
    )
    await eventually(async () => {
      await ask(port).answer
      return !stateOf(engine, 'before').isAvailable
    }, 'it is ejected')
    const up: string[] = []
    engine.events.on('serverUp', ({ server }) => up.push(server))
    await engine.apply(documentOf({ after: { url: once.url }, other: { url: other.url } }, backend))
    await eventually(() => up.length > 0, 'it is back', 30_000)
    expect(up).toEqual(['after'])
  })
})

describe('p2c', () => {
  // docs/balancing.md: "anything whose servers are now and then slow". A server that never answers has no latency, which would
  // count as the best latency. Clients that leave such a server measure nothing.
  it('does not prefer a server that has never answered', async () => {
    const hung = await startHolding()
    let asked = 0
    const well = await startServer((_req, res) => void setTimeout(() => res.end('well'), 15))
    const { port } = await startOpenEngine(
      documentOf({ hung: { url: hung.url }, well: { url: well.url } }, { loadBalancer: { method: 'p2c' } }),
    )
    // The clients wait longer than the other server takes, even on a slow machine.
    let patienceMs = 100
    for (let nth = 0; nth < 25; nth++) {
      const begun = performance.now()
      const one = ask(port)
      let isAnswered = false
      void one.answer.then(() => {
        isAnswered = true
      })
      await eventually(() => isAnswered || hung.held.length > 0, 'it is answered, or hangs')
      if (isAnswered) {
        patienceMs = Math.max(patienceMs, 5 * (performance.now() - begun))
        continue
      }
      asked += 1
      await within(one.answer, patienceMs)
      one.leave()
      await eventually(() => hung.held.length === 0, 'it was left')
    }
    expect(asked).toBeLessThan(18)
  })
})
