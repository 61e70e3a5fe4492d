import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  AliasProvider,
  type ConfigSink,
  createProxy,
  type Provider,
  type ProviderConfig,
  type ProxyEvents,
  type ProxyOptions,
  type ReverseProxy,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { catchFatal, catchWarnings } from '../support/catch-uncaught.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startNamed, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** How code of a host's fails. */
const WAYS: readonly [string, (this: unknown) => never | Promise<never>][] = [
  ['throws', () => raise()],
  ['rejects', async () => raise()],
  ['throws null', () => raise(null)],
  ['rejects with nothing', () => Promise.reject()],
  ['throws an error that cannot be read', () => raise(unreadable())],
  ['rejects with an error that cannot be read', async () => raise(unreadable())],
  ['throws a frozen error', () => raise(Object.freeze(new Error('mine')))],
  [
    'throws an error whose message is no text',
    () => raise(Object.assign(new Error('mine'), { message: Symbol('mine') })),
  ],
  [
    'throws a function that cannot be read',
    () => raise(Object.assign(() => {}, { toString: () => raise() })),
  ],
]
type Fail = (...args: unknown[]) => never

function raise(thrown: unknown = new Error('mine')): never {
  throw thrown
}

/** An error each of whose members throws when it is read. */
function unreadable(): Error {
  const get = () => raise()
  const error = new Error('mine')
  // Node makes the stack of the other members when it is first read.
  if (!error.stack) raise()
  return Object.defineProperties(error, {
    stack: { get },
    message: { get },
    code: { get },
    name: { get },
    cause: { get },
    syscall: { get },
  })
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A provider of documents that a test delivers. */
class ByHand implements Provider {
  readonly name = 'hand'
  sink: ConfigSink | undefined
  async start(sink: ConfigSink): Promise<void> {
    this.sink = sink
  }
  async stop(): Promise<void> {}
}

/** @param listen puts listeners on before anything starts */
async function makeProxy(
  options: ProxyOptions,
  listen?: (proxy: ReverseProxy) => void,
): Promise<{ proxy: ReverseProxy; port: number }> {
  const proxy = createProxy(options)
  listen?.(proxy)
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, port }
}

/** Lets rejections that nobody hears come up. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
}

function hear(troubled: string[]): (proxy: ReverseProxy) => void {
  return (proxy) => proxy.on('providerUnavailable', ({ provider }) => troubled.push(provider))
}

const EVENTS: readonly (keyof ProxyEvents)[] = [
  'configChanged',
  'configRejected',
  'providerUnavailable',
  'providerRecovered',
  'serverDown',
  'serverUp',
  'circuitChanged',
  'requestFinished',
  'requestFailed',
]

describe.each(WAYS)('a listener of events that %s', (_, fail) => {
  it.each(EVENTS)('harms nobody: %s', async (event) => {
    const [fatal, warnings] = [catchFatal(), catchWarnings()]
    const { proxy, port } = await makeProxy({ config: routeTo(await startNamed('one')) })
    await proxy.ready()
    const heard: string[] = []
    proxy.on(event, fail as Fail)
    proxy.once(event, fail as Fail)
    proxy.on(event, () => void heard.push('after'))
    ;(proxy.emit as (event: string, about: object) => boolean)(event, { provider: 'x' })
    expect(heard).toEqual(['after'])
    expect((await httpGet({ port })).body).toBe('one')
    await eventually(() => warnings.length >= 2, 'the warnings')
    expect(new Set(warnings.map((text) => text.replace(/ failed:.*/, '')))).toEqual(
      new Set([`SWITCHOVER_LISTENER_FAILED: a listener of ${event}`]),
    )
    expect(fatal).toEqual([])
  })

  it('harms no switch, refusal or outage of a real proxy', async () => {
    const fatal = catchFatal()
    catchWarnings()
    const hand = new ByHand()
    const { proxy, port } = await makeProxy({ providers: [hand] })
    const heard: string[] = []
    for (const event of EVENTS) {
      proxy.on(event, fail as Fail)
      proxy.on(event, () => void heard.push(event))
    }
    void proxy.ready()
    await eventually(() => hand.sink !== undefined, 'the start')
    const sink = hand.sink as ConfigSink
    expect((await httpGet({ port })).status).toBe(503)
    expect(await sink.update(routeTo(await startNamed('one')))).toEqual({ state: 'live', generation: 1 })
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one')
    expect(await sink.update({ frontends: {}, backends: {} })).toMatchObject({ state: 'refused' })
    expect((await httpGet({ port })).body).toBe('one')
    sink.unavailable(new Error('down'))
    expect(await sink.update(routeTo(await startNamed('two')))).toEqual({ state: 'live', generation: 2 })
    expect((await httpGet({ port })).body).toBe('two')
    sink.recovered()
    await eventually(() => heard.includes('providerRecovered'), 'the recovery', 20_000)
    expect(heard.filter((event) => event.startsWith('config') || event.startsWith('provider'))).toEqual([
      'configChanged',
      'configRejected',
      'providerUnavailable',
      'configChanged',
      'providerRecovered',
    ])
    expect(heard.filter((event) => event === 'requestFinished')).toHaveLength(4)
    expect(fatal).toEqual([])
  })
})

describe("with onListenerError: 'throw'", () => {
  it('errors of listeners and of next are uncaught ones, after everything was done', async () => {
    const fatal = catchFatal()
    const config = { ...routeTo(await startNamed('one')) }
    const [one, two, three] = [new Error('one'), new Error('two'), new Error('three')]
    const { proxy, port } = await makeProxy({ config, onListenerError: 'throw' }, (made) => {
      made.on('configChanged', () => raise(one))
      made.on('requestFinished', async () => raise(two))
    })
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one')
    await eventually(() => fatal.length === 2, 'both errors')
    const host = await startServer((req, res) => proxy.handler(req, res, () => raise(three)))
    expect((await httpGet({ port: host.port, method: 'OPTIONS', path: '*' })).status).toBe(500)
    await eventually(() => fatal.length === 3, 'all errors')
    expect(fatal).toEqual([one, two, three])
  })

  it.each(['ignore', '', null, true])('anything else is refused: %s', (value) => {
    expect(() =>
      createProxy({ config: routeTo('http://127.0.0.1:1'), onListenerError: value as 'warn' }),
    ).toThrow(/^onListenerError: expected "warn" or "throw", found /)
  })
})

describe.each(WAYS.filter(([name]) => name.startsWith('throws')))(
  'code of the host that %s',
  (_, failing) => {
    it('as a getter of a document has it refused, and later ones go live', async () => {
      const fatal = catchFatal()
      const hand = new ByHand()
      const { proxy, port } = await makeProxy({ providers: [hand] })
      await proxy.start()
      const document = routeTo(await startNamed('one'))
      const broken = {
        ...document,
        get frontends() {
          return failing()
        },
      } as never as ProviderConfig
      expect(await hand.sink?.update(broken)).toMatchObject({ state: 'refused' })
      expect(await hand.sink?.update(document)).toMatchObject({ state: 'live' })
      expect((await httpGet({ port })).body).toBe('one')
      await someTurns()
      expect(fatal).toEqual([])
    })
  },
)

describe('a lookup of names calls back', () => {
  it.each([
    ['with a text', 'down', []],
    ['with a frozen error', Object.freeze(new Error('down')), []],
    ['with an error that cannot be read', unreadable(), []],
    ['with an address that cannot be read', null, [{ address: Object.create(null), family: 4 }]],
  ])('%s: the response is an error, and nothing is uncaught', async (_, error, found) => {
    const fatal = catchFatal()
    const lookup = ((_name: string, _how: object, answer: (...args: unknown[]) => void) =>
      void setImmediate(() => answer(error, found))) as never as NonNullable<ProxyOptions['lookup']>
    const { proxy, port } = await makeProxy({ config: routeTo('http://a.name.test:80'), lookup })
    await proxy.ready()
    expect((await httpGet({ port })).status).toBeGreaterThanOrEqual(500)
    await someTurns()
    expect(fatal).toHaveLength(0)
  })
})

describe('a provider tells of trouble', () => {
  it.each([
    ['null', null, 'null'],
    ['nothing', undefined, 'undefined'],
    ['a text', 'down', 'down'],
    ['an error that cannot be read', unreadable(), 'an error that cannot be read'],
    [
      'an error whose message is no text',
      Object.assign(new Error('mine'), { message: Symbol('mine') }),
      'an error that cannot be read',
    ],
  ])('by %s: listeners get an error, and ready names it', async (_, given, said) => {
    const [fatal, warnings] = [catchFatal(), catchWarnings()]
    const hand = new ByHand()
    const { proxy } = await makeProxy({ providers: [hand], status: {}, logger: silent })
    const told: string[] = []
    proxy.on('providerUnavailable', ({ error }) => told.push(error.message))
    await proxy.start()
    hand.sink?.unavailable(given as Error)
    await expect(proxy.ready({ timeoutMs: 1 })).rejects.toMatchObject({
      code: 'PROXY_NOT_READY',
      message: `not ready after 1 ms: hand: ${said}`,
    })
    expect(told).toEqual([said])
    await someTurns()
    expect([fatal, warnings]).toEqual([[], []])
  })
})

describe.each(WAYS)('code of the host that %s', (_, fail) => {
  const failing = fail as Fail

  it.each(['onRequest', 'onResponse'] as const)('as %s makes its response a 500', async (hook) => {
    const fatal = catchFatal()
    const { proxy, port } = await makeProxy({ config: routeTo(await startNamed('one')), [hook]: failing })
    const failed: string[] = []
    proxy.on('requestFailed', ({ error }) => failed.push(error.code))
    await proxy.ready()
    expect((await httpGet({ port })).status).toBe(500)
    await eventually(() => failed.length === 1, 'the report')
    expect(failed).toEqual(['PROXY_HOOK_FAILED'])
    await someTurns()
    expect(fatal).toEqual([])
  })

  it.each([
    ['GET', ''],
    ['POST', 'a body'],
  ])('as next makes its response a 500 (%s)', async (method, body) => {
    const [fatal, warnings] = [catchFatal(), catchWarnings()]
    const { proxy } = await makeProxy({ config: withRule('Path:/ours', await startNamed('one')) })
    await proxy.ready()
    const host = await startServer((req, res) => proxy.handler(req, res, failing))
    const answer = await httpGet({ port: host.port, method, body })
    expect([answer.status, answer.body]).toEqual([500, '500 A hook failed. (PROXY_HOOK_FAILED)\n'])
    expect((await httpGet({ port: host.port, path: '/ours' })).body).toBe('one')
    await eventually(() => warnings.length === 1, 'the warning')
    expect(warnings[0]).toMatch(/^SWITCHOVER_LISTENER_FAILED: next failed: /)
    expect(fatal).toEqual([])
  })

  it('as next in the middle of its response ends that connection alone', async () => {
    const fatal = catchFatal()
    catchWarnings()
    const { proxy } = await makeProxy({ config: withRule('Path:/ours', await startNamed('one')) })
    await proxy.ready()
    const host = await startServer((req, res) =>
      proxy.handler(req, res, () => {
        res.writeHead(200, { 'Content-Length': 10 })
        res.write('half')
        return failing()
      }),
    )
    await expect(httpGet({ port: host.port })).rejects.toThrow()
    expect((await httpGet({ port: host.port, path: '/ours' })).body).toBe('one')
    expect(fatal).toEqual([])
  })

  it('as next behind the status handler makes its response a 500', async () => {
    const fatal = catchFatal()
    catchWarnings()
    const { proxy } = await makeProxy({ config: routeTo(await startNamed('one')), status: {} })
    await proxy.ready()
    const host = await startServer((req, res) => proxy.statusHandler(req, res, failing))
    expect((await httpGet({ port: host.port, path: '/x' })).status).toBe(500)
    expect((await httpGet({ port: host.port, path: '/ping' })).status).toBe(200)
    await proxy.close()
    expect((await httpGet({ port: host.port, path: '/ping' })).status).toBe(500)
    expect(fatal).toEqual([])
  })

  it('as a logger loses no request and no switch', async () => {
    const [fatal, warnings] = [catchFatal(), catchWarnings()]
    const hand = new ByHand()
    const logger = { debug: failing, info: failing, warn: failing, error: failing, reopen: failing }
    const { proxy, port } = await makeProxy({
      providers: [hand],
      logger,
      logLevel: 'debug',
      accessLog: { logger },
    })
    await proxy.start()
    await hand.sink?.update(routeTo(await startNamed('one')))
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one')
    await proxy.reopenLogs()
    await eventually(() => warnings.length === 3, 'the warnings')
    expect(
      warnings
        .map((text) => text.replace(/: (mine|null|undefined|an error that cannot be read)$/, ''))
        .sort(),
    ).toEqual([
      'SWITCHOVER_LISTENER_FAILED: reopen of the logger failed',
      'SwitchoverLogWarning: the access log cannot be written',
      'SwitchoverLogWarning: the application log cannot be written',
    ])
    expect(fatal).toEqual([])
  })

  it('as the stream of an access log loses no request', async () => {
    const fatal = catchFatal()
    catchWarnings()
    const { proxy, port } = await makeProxy({
      config: routeTo(await startNamed('one')),
      accessLog: { stream: { write: failing } },
    })
    await proxy.ready()
    for (let time = 0; time < 3; time += 1) expect((await httpGet({ port })).body).toBe('one')
    await someTurns()
    expect(fatal).toEqual([])
  })

  it('as a provider is in trouble, and stops', async () => {
    const fatal = catchFatal()
    const broken = { name: 'broken', start: failing, stop: failing }
    const good = new ByHand()
    const troubled: string[] = []
    const { proxy, port } = await makeProxy({ providers: [broken, good] }, hear(troubled))
    await proxy.start()
    await good.sink?.update(routeTo(await startNamed('one')))
    expect((await httpGet({ port })).body).toBe('one')
    expect(troubled).toEqual(['broken'])
    await proxy.close()
    await someTurns()
    expect(fatal).toEqual([])
  })

  it.each(['watch', 'read', 'stop'] as const)(
    'as %s of an alias source is told, and harms nobody',
    async (part) => {
      const fatal = catchFatal()
      const source = {
        watch: async (watcher: { changed(): void }) => watcher.changed(),
        read: async () => ({ value: '/v1', revision: '1' }),
        stop: async () => {},
        [part]: failing,
      }
      const document = routeTo(await startNamed('one'))
      const alias = new AliasProvider({ source, fetcher: { fetch: async () => document } })
      const troubled: string[] = []
      const { proxy, port } = await makeProxy({ providers: [alias] }, hear(troubled))
      await proxy.start()
      if (part === 'stop') {
        await proxy.ready()
        expect((await httpGet({ port })).body).toBe('one')
      } else {
        await eventually(() => troubled.length > 0, 'the trouble')
        expect((await httpGet({ port })).status).toBe(503)
      }
      await proxy.close()
      await someTurns()
      expect(fatal).toEqual([])
    },
  )

  it('as a fetcher is told as an outage, and is asked again', async () => {
    const fatal = catchFatal()
    const document = routeTo(await startNamed('one'))
    let asked = 0
    const fetch = async () => document
    const fetcher = { fetch: (...args: unknown[]) => (asked++ === 0 ? failing(...args) : fetch()) }
    const source = {
      watch: async (watcher: { changed(): void }) => watcher.changed(),
      read: async () => ({ value: '/v1', revision: '1' }),
      stop: async () => {},
    }
    const troubled: string[] = []
    const providers = [new AliasProvider({ source, fetcher })]
    const { proxy, port } = await makeProxy({ providers }, hear(troubled))
    await proxy.ready()
    expect([troubled, asked]).toEqual([['alias'], 2])
    expect((await httpGet({ port })).body).toBe('one')
    await someTurns()
    expect(fatal).toEqual([])
  })

  it('as a cache of last good configurations is told, and harms nobody', async () => {
    const fatal = catchFatal()
    const told: string[] = []
    const options = {
      config: routeTo(await startNamed('one')),
      lastGood: { load: failing, save: failing },
    }
    const { proxy, port } = await makeProxy(options, (made) => {
      made.on('providerUnavailable', ({ error }) => told.push((error as { code?: string }).code ?? ''))
    })
    await proxy.ready()
    expect((await httpGet({ port })).body).toBe('one')
    await eventually(() => told.length === 1, 'the trouble')
    expect(told).toEqual(['PROXY_CACHE_FAILED'])
    await someTurns()
    expect(fatal).toEqual([])
  })

  it('as a matcher of rules harms no other request', async () => {
    const fatal = catchFatal()
    const { url } = await startNamed('one')
    const { proxy, port } = await makeProxy({
      config: {
        frontends: {
          mine: { backend: 'b', rule: 'Path:/mine;Mine:x' },
          others: { backend: 'b', rule: 'Path:/others' },
        },
        backends: { b: { servers: { s: { url } } } },
      },
      matchers: { Mine: () => failing as never },
    })
    await proxy.ready()
    expect([404, 500]).toContain((await httpGet({ port, path: '/mine' })).status)
    expect((await httpGet({ port, path: '/others' })).body).toBe('one')
    await someTurns()
    expect(fatal).toEqual([])
  })

  it('as a balancer makes its response a 500', async () => {
    const fatal = catchFatal()
    const { proxy, port } = await makeProxy({
      config: balanced(await startNamed('one')),
      strategies: { mine: () => failing as never },
    })
    await proxy.ready()
    expect((await httpGet({ port })).status).toBe(500)
    expect((await httpGet({ port })).status).toBe(500)
    await someTurns()
    expect(fatal).toEqual([])
  })

  it('as changed of a balancer is told, and no server counts a request for ever', async () => {
    const [fatal, warnings] = [catchFatal(), catchWarnings()]
    const inFlight: number[] = []
    const { proxy, port } = await makeProxy({
      config: balanced(await startNamed('one')),
      strategies: {
        mine: (servers) =>
          Object.assign(
            () => {
              inFlight.push(servers[0]?.inFlight ?? -1)
              return servers[0]
            },
            { changed: failing },
          ) as never,
      },
    })
    await proxy.ready()
    for (let time = 0; time < 3; time += 1) expect((await httpGet({ port })).body).toBe('one')
    expect(inFlight).toEqual([0, 0, 0])
    await eventually(() => warnings.length > 0, 'the warning')
    expect(warnings[0]).toMatch(/^SWITCHOVER_LISTENER_FAILED: changed of the strategy of b@static failed: /)
    expect(fatal).toEqual([])
  })

  it('as lookup of names is an address that cannot be found', async () => {
    const fatal = catchFatal()
    const { proxy, port } = await makeProxy({
      config: routeTo('http://name.test:1'),
      lookup: failing,
      retry: { attempts: 1 },
    })
    await proxy.ready()
    expect((await httpGet({ port })).body).toContain('PROXY_CONNECT_FAILED')
    await someTurns()
    expect(fatal).toEqual([])
  })
})

/** A program of a host's, in a process of its own: it serves, asks itself, and ends well. */
async function runHost(options: string): Promise<{ code: number | null; printed: string; errors: string }> {
  const index = new URL('../../src/index.ts', import.meta.url).href
  const program = `
    import { createServer } from 'node:http'
    import { createProxy } from ${JSON.stringify(index)}
    const upstream = createServer((req, res) => res.end('served')).listen(0, '127.0.0.1')
    await new Promise((resolve) => upstream.on('listening', resolve))
    const url = 'http://127.0.0.1:' + upstream.address().port
    const proxy = createProxy({
      config: {
        frontends: { all: { backend: 'one', rule: 'PathPrefix:/' } },
        backends: { one: { servers: { one: { url } } } },
      },
      ${options}
    })
    proxy.on('configChanged', () => { throw new Error('sync') })
    proxy.on('requestFinished', async () => { throw new Error('async') })
    const bound = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()
    for (const time of [1, 2]) console.log(await (await fetch(bound.url)).text())
    await proxy.close()
    upstream.close()`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program])
  onTestFinished(() => void child.kill('SIGKILL'))
  let [printed, errors] = ['', '']
  child.stdout.on('data', (chunk) => {
    printed += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const [code] = (await once(child, 'close', { signal: AbortSignal.timeout(60_000) })) as [number | null]
  return { code, printed, errors }
}

describe('a process whose listeners throw and reject', () => {
  it('serves on, ends well, and says what failed', { timeout: 70_000 }, async () => {
    const { code, printed, errors } = await runHost('')
    expect(printed).toBe('served\nserved\n')
    expect(errors).toContain(
      '[SWITCHOVER_LISTENER_FAILED] SwitchoverWarning: a listener of configChanged failed: sync',
    )
    expect(errors).toContain(
      '[SWITCHOVER_LISTENER_FAILED] SwitchoverWarning: a listener of requestFinished failed: async',
    )
    expect(code).toBe(0)
  })

  it("ends with onListenerError: 'throw'", { timeout: 70_000 }, async () => {
    const { code, errors } = await runHost("onListenerError: 'throw',")
    expect(errors).toContain('Error: sync')
    expect(code).toBe(1)
  })
})

function withRule(rule: string, { url }: { readonly url: string }): ProviderConfig {
  return {
    frontends: { all: { backend: 'b', rule } },
    backends: { b: { servers: { s: { url } } } },
  }
}

function balanced({ url }: { readonly url: string }): ProviderConfig {
  return {
    frontends: { all: { backend: 'b', rule: 'PathPrefix:/' } },
    backends: { b: { servers: { s: { url } }, loadBalancer: { method: 'mine' } } },
  }
}
