import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Registry } from 'prom-client'
import { createProxy, type ProxyOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { maskCredentials } from '../../src/base/credentials.js'
import { ProxyEmitter } from '../../src/engine/events/proxy-emitter.js'
import type { EndedRequest } from '../../src/engine/request-reports.js'
import { Traffic } from '../../src/status/traffic.js'
import { catchUncaught } from '../support/catch-uncaught.js'
import { httpGet } from '../support/http-get.js'
import { lineStream } from '../support/line-stream.js'
import { openRaw, routeTo, routeWith, startNamed, startServer } from '../support/live-engine.js'
import { parseMetrics } from '../support/metrics-lint.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually, nextEvent } from '../support/next-event.js'
import { startSeen } from '../support/seen-proxy.js'

const LOOPBACK = { port: 0, host: '127.0.0.1' }

async function startLogged(options: Partial<ProxyOptions>, config = routeTo('http://127.0.0.1:1')) {
  const proxy = createProxy({ config, ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const { port } = await proxy.listen(LOOPBACK)
  return { proxy, port }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'attack-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** How many turns the event loop made while something was done. */
async function turnsDuring(what: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isDone = false
  const count = () => {
    turns += 1
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await what()
  isDone = true
  return turns
}

/** Asks, and throws the answer away. */
async function taste(port: number, path: string): Promise<void> {
  const req = request({ port, path, host: '127.0.0.1', agent: false }).end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  await once(res.resume(), 'end')
}

/** Resolves to what a promise does, or to `'nothing'` at the limit. */
function within<T>(promise: Promise<T>, ms: number): Promise<T | 'nothing'> {
  return Promise.race([promise, new Promise<'nothing'>((resolve) => setTimeout(resolve, ms, 'nothing'))])
}

async function mounted(proxy: { statusHandler: (req: IncomingMessage, res: ServerResponse) => void }) {
  const server = createServer((req, res) => proxy.statusHandler(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as { port: number }).port
}

/** The whole answer to a head. */
async function raw(port: number, head: string): Promise<string> {
  const client = await openRaw(port)
  let text = ''
  client.socket.on('data', (chunk) => (text += chunk))
  client.socket.write(`${head}Connection: close\r\n\r\n`)
  await once(client.socket, 'close')
  return text
}

describe('the access log, attacked', () => {
  for (const format of ['json', 'common'] as const)
    it(`in the form ${format} cannot be forged by X-Forwarded-For of a trusted peer`, async () => {
      const { lines, stream } = lineStream()
      const { port } = await startLogged(
        { trustedProxies: ['127.0.0.0/8'], accessLog: { stream, format } },
        routeTo(await startNamed('one')),
      )
      const forged = 'x" - - [26/Nov/2026:00:00:00 +0000] "GET /forged HTTP/1.1" 200 5'
      await httpGet({ port, headers: { 'x-forwarded-for': forged } })
      await eventually(() => lines.length === 1, 'the line')
      if (format === 'json') expect(() => JSON.parse(lines[0] ?? '')).not.toThrow()
      else expect(lines[0]).not.toContain('"GET /forged HTTP/1.1" 200')
    })

  for (const format of ['json', 'common'] as const)
    it(`in the form ${format} writes no C1 control characters: U+0085 ends a line for many, U+009B begins a terminal's sequence`, async () => {
      const { lines, stream } = lineStream()
      const headers = { default: 'keep' } as const
      const { port } = await startLogged({
        accessLog: { stream, format, ...(format === 'json' && { headers }) },
      })
      await httpGet({ port, headers: { 'user-agent': 'x\u0085\u009b2J' } })
      await eventually(() => lines.length === 1, 'the line')
      expect(lines[0]).not.toMatch(/[\u007f-\u009f\u2028\u2029]/)
    })

  it('whose logger throws harms no request: the event still comes, and nothing is thrown into the middle of it', async () => {
    const uncaught = catchUncaught()
    const logger = {
      info: () => {
        throw new Error('the logger')
      },
    }
    const { proxy, port } = await startLogged({ accessLog: { logger } }, routeTo(await startNamed('one')))
    const finished = nextEvent(proxy, 'requestFinished', undefined, 30_000)
    expect((await httpGet({ port })).body).toBe('one')
    await expect(finished).resolves.toMatchObject({ status: 200 })
    expect(uncaught).toEqual([])
  })

  it('whose stream was ended by its owner does not end the process', async () => {
    const uncaught = catchUncaught()
    const stream = new Writable({ write() {} })
    const { proxy, port } = await startLogged({ accessLog: { stream } }, routeTo(await startNamed('one')))
    stream.write('one that takes long')
    stream.end()
    const finished = nextEvent(proxy, 'requestFinished')
    await httpGet({ port })
    await finished
    await new Promise((resolve) => setImmediate(resolve))
    expect(uncaught).toEqual([])
  })

  it('whose stream fails does not end the process', async () => {
    const uncaught = catchUncaught()
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    const { proxy, port } = await startLogged({ accessLog: { stream } }, routeTo(await startNamed('one')))
    const finished = nextEvent(proxy, 'requestFinished')
    await httpGet({ port })
    await finished
    await new Promise((resolve) => setImmediate(resolve))
    expect(uncaught).toEqual([])
  })

  it('whose file is a pipe that nobody reads keeps no proxy from starting, nor from closing', async () => {
    const file = join(await temporaryFolder(), 'pipe')
    execFileSync('mkfifo', [file])
    const proxy = createProxy({ config: routeTo(await startNamed('one')), accessLog: { file } })
    const { port } = await proxy.listen(LOOPBACK)
    await within(
      proxy.ready().catch(() => {}),
      1_000,
    )
    const answer = await httpGet({ port })
    const closed = await within(proxy.close({ drainMs: 0 }), 30_000)
    // Lets it go on, so that the test ends.
    const reader = await open(file, 'r+')
    await proxy.close()
    await reader.close()
    expect([answer.body, closed]).toEqual(['one', undefined])
  })

  it('that could not be reopened several times does not close one descriptor several times afterwards', async () => {
    const warnings: string[] = []
    const onWarning = (warning: Error) => warnings.push(warning.message)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'logs'))
    const file = join(folder, 'logs/access.log')
    const { proxy, port } = await startLogged({ accessLog: { file } }, routeTo(await startNamed('one')))
    await rename(join(folder, 'logs'), join(folder, 'moved'))
    await writeFile(join(folder, 'logs'), 'in the way')
    for (let times = 0; times < 3; times += 1) {
      proxy.reopenLogs()
      await eventually(async () => warnings.length > 0, 'the warning')
      await httpGet({ port })
    }
    await rm(join(folder, 'logs'))
    proxy.reopenLogs()
    await eventually(async () => (await readFile(file).catch(() => undefined)) !== undefined, 'the file')
    await httpGet({ port })
    await proxy.close()
    expect(warnings.filter((warning) => /EBADF/.test(warning))).toEqual([])
  })

  it('that cannot be opened does not end the process a second later', async () => {
    const uncaught = catchUncaught()
    const file = join(await temporaryFolder(), 'a-file')
    await writeFile(file, '')
    const proxy = createProxy({
      config: routeTo('http://127.0.0.1:1'),
      accessLog: { file: join(file, 'access.log') },
    })
    onTestFinished(() => proxy.close())
    await expect(proxy.ready()).rejects.toMatchObject({ code: 'EEXIST' })
    await eventually(() => uncaught.length > 0, 'an error', 1_500).catch(() => {})
    expect(uncaught).toEqual([])
  })

  it('that cannot be opened leaves the status server to those who would see why', async () => {
    const file = join(await temporaryFolder(), 'a-file')
    await writeFile(file, '')
    const proxy = createProxy({
      config: routeTo(await startNamed('one')),
      accessLog: { file: join(file, 'access.log') },
      status: { address: '127.0.0.1:0' },
    })
    onTestFinished(() => proxy.close())
    await proxy.start()
    await expect(proxy.statusAddress()).resolves.toMatchObject({ host: '127.0.0.1' })
  })

  it('on a full disk closes its file with the proxy', async () => {
    const { readdir, readlink } = await import('node:fs/promises')
    const open = async () => {
      const names = await readdir('/proc/self/fd')
      const to = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
      return to.filter((path) => path === '/dev/full').length
    }
    const before = await open()
    const { proxy, port } = await startLogged(
      { accessLog: { file: '/dev/full' } },
      routeTo(await startNamed('one')),
    )
    await httpGet({ port })
    await proxy.close()
    expect(await open()).toBe(before)
  })

  it('has the headers of responses that were asked for', async () => {
    const { lines, stream } = lineStream()
    const server = await startServer((_req, res) => res.setHeader('X-Kind', 'odd').end('one'))
    const accessLog = { stream, format: 'json', headers: { names: { 'x-kind': 'keep' } } } as const
    const { port } = await startLogged({ accessLog }, routeTo(server))
    await httpGet({ port })
    await eventually(() => lines.length === 1, 'the line')
    expect(JSON.parse(lines[0] ?? '')).toHaveProperty('downstream_X-Kind', 'odd')
  })

  it('goes to whatever has `write`, as its check says: pino’s destinations have no writableLength', async () => {
    const lines: string[] = []
    const stream = { write: (line: string) => void lines.push(line) } as never
    const { proxy, port } = await startLogged({ accessLog: { stream } }, routeTo(await startNamed('one')))
    const finished = nextEvent(proxy, 'requestFinished')
    await httpGet({ port })
    await finished
    expect(lines).toHaveLength(1)
  })

  it('tells once of lines that its stream no longer takes', async () => {
    const { stream } = lineStream()
    const { proxy, port } = await startLogged({ accessLog: { stream } }, routeTo(await startNamed('one')))
    const warned = within(once(process, 'warning'), 30_000)
    stream.destroy()
    const finished = nextEvent(proxy, 'requestFinished')
    await httpGet({ port })
    await finished
    expect(await warned).not.toBe('nothing')
  })

  it('has a line for a request that was cut in the middle of its response when the proxy closed', async () => {
    const file = join(await temporaryFolder(), 'access.log')
    const slow = await startServer((_req, res) => void res.write('half'))
    const { proxy, port } = await startLogged({ accessLog: { file } }, routeTo(slow))
    const res = await fetch(`http://127.0.0.1:${port}/cut`)
    await proxy.close({ drainMs: 0 })
    await res.text().catch(() => {})
    expect(await readFile(file, 'utf8')).toContain('GET /cut')
  })

  it('is written though a registry refuses the metrics', async () => {
    const { lines, stream } = lineStream()
    const registry = new Registry()
    const status = { metrics: { registry } }
    const first = createProxy({ config: routeTo(await startNamed('one')), status })
    onTestFinished(() => first.close())
    await first.ready()
    const second = createProxy({ config: routeTo(await startNamed('one')), status, accessLog: { stream } })
    onTestFinished(() => second.close())
    const { port } = await second.listen(LOOPBACK)
    await second.ready().catch(() => {})
    await eventually(async () => (await httpGet({ port })).status === 200, 'serves')
    await eventually(() => lines.length > 0, 'a line', 30_000)
  })

  it('filters of which one is at its default keep what the others ask for', async () => {
    const { lines, stream } = lineStream()
    const filters = { statusCodes: ['404'], minDurationMs: 0 }
    const { proxy, port } = await startLogged(
      { accessLog: { stream, filters } },
      routeTo(await startNamed('one')),
    )
    const finished = nextEvent(proxy, 'requestFinished')
    await httpGet({ port })
    await finished
    expect(lines).toEqual([])
  })

  it('has a line for the request that started the proxy', async () => {
    const { lines, stream } = lineStream()
    const proxy = createProxy({ config: routeTo(await startNamed('one')), accessLog: { stream } })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const front = await startServer(proxy.handler)
    await httpGet({ port: front.port, path: '/first' })
    await eventually(() => lines.some((line) => line.includes('/first')), 'the line', 30_000)
  })
})

describe('the application log, attacked', () => {
  const LOGGER = { debug() {}, info() {}, warn() {}, error() {} }

  it('whose logger throws does not end the process', async () => {
    const uncaught = catchUncaught()
    const logger = {
      ...LOGGER,
      info() {
        throw new Error('the logger')
      },
    }
    await startLogged({ logger })
    await new Promise((resolve) => setImmediate(resolve))
    expect(uncaught).toEqual([])
  })

  it('to a standard error stream that was closed does not end the process', async () => {
    const code = `
      process.stdout.on('error', () => {})
      const { logEvents } = await import(${JSON.stringify(new URL('../../src/status/application-log.ts', import.meta.url).href)})
      const { ProxyEmitter } = await import(${JSON.stringify(new URL('../../src/engine/events/proxy-emitter.ts', import.meta.url).href)})
      const events = new ProxyEmitter()
      logEvents(events, 'info')
      process.stdin.once('data', () => {
        for (let at = 0; at < 3; at += 1) events.emit('providerRecovered', { provider: 'x', downMs: 1 })
        setTimeout(() => process.exit(0), 300)
      })
      console.log('here')`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      cwd: process.cwd(),
    })
    let said = ''
    child.stderr.on('data', (chunk) => (said += chunk))
    const ended = once(child, 'exit')
    await once(child.stdout, 'data')
    child.stderr.destroy()
    child.stdin.end('go')
    expect([await ended, said]).toEqual([[0, null], ''])
  })

  it('shows no query of a request, whatever it failed with', async () => {
    const said: string[] = []
    const logger = { ...LOGGER, debug: (_: object, message: string) => void said.push(message) }
    const { port } = await startLogged({ logger, logLevel: 'debug' }, routeTo(await startNamed('one')))
    const client = await openRaw(port)
    client.socket.write('GET /x?token=SECRET HTTP/1.1\r\nHost: a b\r\n\r\n')
    await eventually(() => said.length === 1, 'the line')
    expect(said[0]).not.toContain('SECRET')
  })
})

describe('the status server, attacked', () => {
  for (const rule of [
    'HeadersRegexp:Cookie,.*(a|b)session=SECRET',
    'Headers:Authorization,pass)SECRET',
    'Header(`Authorization`, `pass)SECRET`)',
    'HeaderRegexp(`Authorization`, `^(Basic|Bearer) SECRET$`)',
    'Header(`X-Auth`, `SECRET`)',
  ])
    it(`does not show what a rule expects: ${rule}`, async () => {
      const { ask, provider, proxy } = await startSeen(routeWith({ rule }, await startNamed('one')))
      expect(proxy.state.generation).toBe(1)
      const leaks: string[] = []
      const look = async (path: string) => {
        if ((await ask(path)).body.includes('SECRET')) leaks.push(path)
      }
      for (const path of ['/api', '/api/frontends', '/api/explain?host=a']) await look(path)
      await provider.update(routeWith({ rule: `${rule} && (` }, await startNamed('one')))
      for (const path of ['/api/history', '/api/config']) await look(path)
      expect(leaks).toEqual([])
    })

  for (const text of [
    'http://user:pa@SECRET@etcd:2379',
    "http://user:pa'SECRET@etcd:2379",
    'http://user:pa/SECRET@etcd:2379',
  ])
    it(`masks credentials in a URL with unusual characters: ${text}`, () => {
      expect(maskCredentials(`cannot reach ${text}/v3`)).not.toContain('SECRET')
    })

  for (const address of ['127.1:0', '[::ffff:127.0.0.1]:0', 'LOCALHOST:0'])
    it(`on ${address}, which is loopback, is not reached by another site’s name`, async () => {
      const { ask } = await startSeen(routeTo(await startNamed('one')), { status: { address } })
      expect((await ask('/api', { host: 'evil.example' })).status).toBe(421)
    })

  it('mounted, whose opening failed, answers all the same', async () => {
    const registry = new Registry()
    const first = createProxy({ config: routeTo(await startNamed('one')), status: { metrics: { registry } } })
    onTestFinished(() => first.close())
    await first.ready()
    const second = createProxy({
      config: routeTo(await startNamed('one')),
      status: { metrics: { registry } },
    })
    onTestFinished(() => second.close())
    const port = await mounted(second)
    expect(
      await within(
        httpGet({ port, path: '/ping' }).then(({ status }) => status),
        30_000,
      ),
    ).not.toBe('nothing')
  })

  it('mounted, counts no listener to events that left before it came to it', async () => {
    const { proxy } = await startLogged({ status: {} }, routeTo(await startNamed('one')))
    const waiting: (() => void)[] = []
    const server = createServer((req, res) => {
      if (req.headers['x-late']) res.on('close', () => waiting.push(() => proxy.statusHandler(req, res)))
      else proxy.statusHandler(req, res)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const { port } = server.address() as { port: number }
    for (let at = 0; at < 100; at += 1) {
      const client = await openRaw(port)
      client.socket.write('GET /api/events HTTP/1.1\r\nHost: a\r\nX-Late: 1\r\n\r\n', () =>
        client.socket.destroy(),
      )
    }
    await eventually(() => waiting.length === 100, 'all have left')
    for (const late of waiting) late()
    await new Promise((resolve) => setImmediate(resolve))
    const controller = new AbortController()
    const { status } = await fetch(`http://127.0.0.1:${port}/api/events`, { signal: controller.signal })
    controller.abort()
    expect(status).toBe(200)
  })

  it('mounted, takes nobody on to its events once the proxy has closed', async () => {
    const { proxy } = await startLogged({ status: {} }, routeTo(await startNamed('one')))
    const port = await mounted(proxy)
    await proxy.close()
    expect(
      await within(
        httpGet({ port, path: '/api/events' }).then(() => 'answered'),
        30_000,
      ),
    ).toBe('answered')
  })

  it('asked for the first time after its proxy has closed leaves nothing in the host’s registry', async () => {
    const registry = new Registry()
    const proxy = createProxy({ config: routeTo(await startNamed('one')), status: { metrics: { registry } } })
    const port = await mounted(proxy)
    await proxy.close()
    await within(httpGet({ port, path: '/ping' }), 1_000)
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  it('says each series once, though servers share a URL', async () => {
    const { url } = await startNamed('one')
    const { ask } = await startSeen(routeTo(url, url))
    const { body } = await ask('/metrics')
    const samples = body
      .split('\n')
      .filter((line) => /^[^#]/.test(line))
      .map((line) => line.replace(/ \S+$/, ''))
    parseMetrics(body)
    expect(samples.filter((sample, at) => samples.indexOf(sample) !== at)).toEqual([])
  })

  it('counts a backend’s first request though an unrelated backend changed meanwhile', async () => {
    let answer: (() => void) | undefined
    const server = await startServer((_req, res) => {
      answer = () => void res.end('slow')
    })
    const config = routeTo(server)
    const { provider, port, ask, read } = await startSeen(config)
    const asked = httpGet({ port })
    await eventually(() => answer !== undefined, 'it is under way')
    await provider.update({
      ...config,
      backends: { ...config.backends, other: { servers: { a: { url: server.url } } } },
    })
    answer?.()
    await asked
    await eventually(async () => (await read('/health')).total_count === 1, 'it is counted')
    expect((await ask('/metrics')).body).toMatch(/backend_requests_total\{.*backend="pool@static".*\} 1/)
  })

  it('forgets what a server was asked when the server is configured no more', async () => {
    const { url } = await startNamed('one')
    const config = (name: string) => ({
      frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
      backends: { pool: { servers: { [name]: { url } } } },
    })
    const { provider, port, read } = await startSeen(config('pod-1'))
    await httpGet({ port })
    await eventually(async () => (await read('/api/backends')).entries[0].requests === 1, 'it is counted')
    await provider.update(config('pod-2'))
    await provider.update(config('pod-1'))
    expect((await read('/api/backends')).entries[0].servers[0].requests).toBe(0)
  })

  it('says that a server fails though its requests were answered by another', async () => {
    const { port, read } = await startSeen(routeTo(await refusingUrl(), await startNamed('one')))
    for (let times = 0; times < 4; times += 1) await httpGet({ port })
    await eventually(async () => (await read('/health')).total_count === 4, 'they are counted')
    expect((await read('/api/backends')).entries[0].servers[0].errors).toBeGreaterThan(0)
  })

  it('with 100,000 servers of one backend lets requests through, and lists the first of them', async () => {
    const servers = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, at) => [
        `s${at}`,
        { url: `http://10.${at >> 16}.${(at >> 8) & 255}.${at & 255}` },
      ]),
    )
    const { statusPort, read, ask } = await startSeen({
      frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
      backends: { pool: { servers } },
    })
    expect(await turnsDuring(() => taste(statusPort, '/api'))).toBeGreaterThan(20)
    const [backend] = (await read('/api/backends')).entries
    expect([backend.serverCount, backend.servers.length]).toEqual([100_000, 1_000])
    expect((await read('/api/backends?search=nobody')).matching).toBe(0)
    const explanation = await read('/api/explain?host=a')
    expect([explanation.serverCount, explanation.servers.length]).toEqual([100_000, 200])
    const lines = (await ask('/metrics')).body.split('\n')
    expect(lines.filter((line) => line.startsWith('switchover_backend_server_up{'))).toHaveLength(1_000)
  }, 120_000)

  it('with 1,000 backends, each with two methods and four statuses, lets requests through while it is scraped', async () => {
    const { Metrics } = await import('../../src/status/metrics.js')
    const traffic = new Traffic({ inFlight: () => 0, isConfigured: () => true })
    onTestFinished(() => traffic.stop())
    for (let at = 0; at < 1_000; at += 1)
      for (const [method, code] of ['GET', 'POST'].flatMap((each) =>
        [200, 304, 404, 502].map((code) => [each, code] as const),
      ))
        traffic.record(
          {
            client: { method, target: '/', status: code },
            backend: { name: `backend-${at}@static` },
            tries: { retries: 0 },
            bodyBytes: 1,
          } as unknown as EndedRequest,
          5,
        )
    const source = {
      engine: { generation: 1, snapshot: undefined, inFlight: { exchanges: [], size: 0 } },
      providers: () => [],
    }
    const history = { switches: 0, refusalsOf: () => 0 }
    const metrics = new Metrics({
      source,
      traffic,
      history,
      live: { ejections: 0 },
      maxServers: 1_000,
    } as never)
    expect(await turnsDuring(() => metrics.read())).toBeGreaterThan(10)
  })

  it('what a registry refuses half way leaves nothing in it', async () => {
    const registry = new Registry()
    const { Counter } = (await import('prom-client')).default
    new Counter({ name: 'switchover_requests_in_flight', help: 'the host’s own', registers: [registry] })
    const proxy = createProxy({ config: routeTo(await startNamed('one')), status: { metrics: { registry } } })
    await proxy.ready().catch(() => {})
    await proxy.close()
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['switchover_requests_in_flight'])
  })

  it('a registry that throws as the proxy closes keeps no status server open', async () => {
    const registry = new Registry()
    registry.removeSingleMetric = () => {
      throw new Error('the registry')
    }
    const proxy = createProxy({
      config: routeTo(await startNamed('one')),
      status: { address: '127.0.0.1:0', metrics: { registry } },
    })
    await proxy.ready()
    const { port } = await proxy.statusAddress()
    await proxy.close().catch(() => {})
    await expect(httpGet({ port, path: '/ping' })).rejects.toThrow()
  })

  it('how long a tunnel stood is no latency', () => {
    const traffic = new Traffic({ inFlight: () => 0, isConfigured: () => true })
    onTestFinished(() => traffic.stop())
    traffic.record(
      {
        client: { method: 'GET', target: '/', status: 101 },
        backend: { name: 'b', servers: [{ name: 's' }] },
        server: { name: 's' },
        tries: { retries: 0 },
        bodyBytes: 0,
      } as unknown as EndedRequest,
      3_600_000,
    )
    expect(traffic.servers.of('b', 's')?.latency.count ?? 0).toBe(0)
  })

  for (const rule of [
    'Headers:Authorization;SECRET',
    'Header(`Authorization` `SECRET`)',
    'HeaderRegexp(`Authorization`, `SECRET(`)',
    'Header(`Authorization`, "SECRET\\q")',
  ])
    it(`does not show in a refusal what a rule expects: ${rule}`, async () => {
      const { ask, provider } = await startSeen(routeTo(await startNamed('one')))
      await provider.update(routeWith({ rule }, 'http://127.0.0.1:1'))
      expect((await ask('/api/history')).body).not.toContain('SECRET')
    })

  it('shows no credentials of a target in absolute form among recent errors', async () => {
    const { port, ask } = await startSeen(routeTo('http://127.0.0.1:1'))
    const client = await openRaw(port)
    client.socket.end('GET http://user:SECRET@h/x HTTP/1.1\r\nHost: a b\r\n\r\n')
    await once(client.socket, 'close')
    expect((await ask('/health')).body).not.toContain('SECRET')
  })

  it('keeps no configuration for answers that nobody reads', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const { url } = await startNamed('one')
    const rule = (name: string) => `Host:${name}.test;PathPrefix:/${'x'.repeat(100)}`
    const config = (round: number) => ({
      frontends: Object.fromEntries(
        Array.from({ length: 20_000 }, (_, at) => [
          `f${at}`,
          { backend: 'pool', rule: rule(`h${at}-${round}`) },
        ]),
      ),
      backends: { pool: { servers: { a: { url } } } },
    })
    const { provider, statusPort } = await startSeen(config(0))
    const heap: number[] = []
    for (let round = 1; round <= 5; round += 1) {
      const silent = connect(statusPort, '127.0.0.1').on('error', () => {})
      onTestFinished(() => void silent.destroy())
      silent.write('GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await once(silent, 'readable')
      await provider.update(config(round))
      gc()
      heap.push(process.memoryUsage().heapUsed / 1e6)
    }
    // One configuration is about 36 MB; without these clients nothing grows.
    expect((heap[4] as number) - (heap[0] as number)).toBeLessThan(50)
  }, 60_000)

  it('keeps no configuration for the last search in it', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const { LiveState } = await import('../../src/status/live-state.js')
    const snapshotOf = () => ({
      generation: 1,
      router: { frontends: [] },
      backends: new Map(),
      config: { frontends: new Map(), backends: new Map() },
    })
    const engine: { snapshot: unknown } = { snapshot: snapshotOf() }
    const events = new ProxyEmitter()
    const live = new LiveState({ engine } as never, events, {} as never, {} as never)
    const before = new WeakRef(engine.snapshot as object)
    await live.frontends({ search: 'x', offset: 0, limit: 1 })
    engine.snapshot = snapshotOf()
    const none = { added: [], removed: [], changed: [] }
    events.emit('configChanged', { generation: 2, changes: { frontends: none, backends: none } } as never)
    const gone = () => {
      gc()
      return before.deref() === undefined
    }
    await eventually(gone, 'it is collected', 30_000)
    expect(live.ejections).toBe(0)
  })
})

describe('what held', () => {
  for (const target of [
    '//api',
    '/dashboard/../api',
    '/dashboard/%2e%2e/api',
    '/API',
    'http://localhost/api',
    '/%61pi',
    '/dashboard#/api',
    '/api;x',
    '/api/',
    '/dashboard/api/providers',
    '/metrics?x=/ping',
  ])
    it(`the token: ${target}`, async () => {
      const status = { address: '127.0.0.1:0', token: 'secret' }
      const { statusPort } = await startSeen(routeTo(await startNamed('one')), { status })
      for (const method of ['GET', 'HEAD'])
        for (const auth of ['', 'Authorization: Bearer x\r\nAuthorization: Bearer secret\r\n'])
          expect(await raw(statusPort, `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${auth}`)).toMatch(
            /^HTTP\/1.1 (40[14]|302)(?![\s\S]*pool)/,
          )
    })

  for (const head of [
    'GET /api HTTP/1.0',
    'GET /api HTTP/1.1',
    'GET http://localhost/api HTTP/1.1\r\nHost: evil.test',
    'GET http://evil.test/api HTTP/1.1\r\nHost: localhost',
    'GET /api HTTP/1.1\r\nHost: evil.test\r\nHost: localhost',
    'GET /api HTTP/1.1\r\nHost: 127.0.0.1.evil.test',
  ])
    it(`the check of Host: ${JSON.stringify(head)}`, async () => {
      const { statusPort } = await startSeen(routeTo(await startNamed('one')))
      expect(await raw(statusPort, `${head}\r\n`)).toMatch(/^HTTP\/1.1 4(21|00|04)(?![\s\S]*pool)/)
    })
})
