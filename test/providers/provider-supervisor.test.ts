import {
  type ConfigChanged,
  type ConfigRejected,
  type ConfigSink,
  type Provider,
  type ProviderConfig,
  type ProviderRecovered,
  type ProviderUnavailable,
  ProxyError,
  StaticProvider,
} from 'switchover'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ProviderSupervisor } from '../../src/providers/provider-supervisor.js'
import { OpenEngine } from '../support/open-engine.js'

/** Delivers what a test says, and nothing else. */
class ManualProvider implements Provider {
  readonly name: string
  readonly allowEmpty: boolean
  readonly throttleMs: number
  started = 0
  stopped = 0
  #sink: ConfigSink | undefined

  constructor(name: string, { allowEmpty = false, throttleMs = 0 } = {}) {
    this.name = name
    this.throttleMs = throttleMs
    this.allowEmpty = allowEmpty
  }

  get sink(): ConfigSink {
    if (!this.#sink) throw new Error(`${this.name} was not started`)
    return this.#sink
  }

  async start(sink: ConfigSink): Promise<void> {
    this.started += 1
    this.#sink = sink
  }

  async stop(): Promise<void> {
    this.stopped += 1
  }
}

/** One frontend and one backend; the host tells documents apart. */
function document(host: string, { backend = 'pool', version }: { backend?: string; version?: string } = {}) {
  const config: ProviderConfig = {
    ...(version !== undefined && { version }),
    frontends: { web: { backend, rule: `Host:${host}` } },
    backends: { pool: { servers: { only: { url: 'http://127.0.0.1:9' } } } },
  }
  return config
}

type Event =
  | ({ is: 'changed' } & ConfigChanged)
  | ({ is: 'rejected' } & ConfigRejected)
  | ({ is: 'unavailable' } & ProviderUnavailable)
  | ({ is: 'recovered' } & ProviderRecovered)

const supervisors: ProviderSupervisor[] = []

async function supervise(...providers: Provider[]) {
  const events: Event[] = []
  const engine = new OpenEngine()
  engine.events.on('configChanged', (event) => events.push({ is: 'changed', ...event }))
  const supervisor = new ProviderSupervisor(
    providers,
    (config, about, cancel, onSwapped) => engine.applyMerged(config, about, cancel, onSwapped),
    {
      rejected: (event) => events.push({ is: 'rejected', ...event }),
      unavailable: (event) => events.push({ is: 'unavailable', ...event }),
      recovered: (event) => events.push({ is: 'recovered', ...event }),
    },
  )
  supervisors.push(supervisor)
  await supervisor.start()
  return {
    supervisor,
    events,
    /** What happened, in short. */
    get told() {
      return events.map(({ is, provider }) => `${is} ${provider}`)
    },
    /** The frontend that serves a host, if any does. */
    serves: (host: string) =>
      engine.explain({ method: 'GET', host, path: '/', query: '', headers: {}, clientAddress: '127.0.0.1' })
        .winner?.frontend,
    engine,
  }
}

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.stop()))
})

describe('a burst of documents', () => {
  it('from a provider with throttleMs: the first is taken at once, then the newest, and nobody else waits', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const throttled = new ManualProvider('throttled', { throttleMs: 2_000 })
    const other = new ManualProvider('other')
    const { serves } = await supervise(throttled, other)
    expect(await throttled.sink.update(document('one'))).toMatchObject({ state: 'live' })
    const burst = ['two', 'three', 'four'].map((host) => throttled.sink.update(document(host)))
    expect(await other.sink.update(document('elsewhere'))).toMatchObject({ state: 'live' })
    expect(await Promise.all(burst.slice(0, 2))).toEqual([{ state: 'superseded' }, { state: 'superseded' }])
    expect(serves('four')).toBeUndefined()
    await vi.advanceTimersByTimeAsync(2_000)
    vi.useRealTimers()
    expect(await burst[2]).toMatchObject({ state: 'live' })
    expect(serves('four')).toBe('web@throttled')
  })

  it('of two in one turn of the event loop: the second waits, though the first did not go live', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const throttled = new ManualProvider('throttled', { throttleMs: 2_000 })
    const other = new ManualProvider('other')
    const { serves } = await supervise(throttled, other)
    await other.sink.update(document('elsewhere'))
    const [first, second] = ['one', 'two'].map((host) => throttled.sink.update(document(host)))
    expect(await first).toEqual({ state: 'superseded' })
    for (let turn = 0; turn < 20; turn++) await vi.advanceTimersByTimeAsync(50)
    expect(serves('two')).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1_000)
    vi.useRealTimers()
    expect(await second).toMatchObject({ state: 'live' })
  })

  it('that never ends does not keep its newest from going live', async () => {
    const throttled = new ManualProvider('throttled', { throttleMs: 50 })
    const { serves } = await supervise(throttled)
    let last: Promise<unknown> = Promise.resolve()
    let taken = 0
    for (let n = 0; taken < 3; n++) {
      last = throttled.sink.update(document(`n${n}`)).then(({ state }) => {
        if (state === 'live') taken += 1
      })
      await new Promise(setImmediate)
    }
    await last
    expect(serves('n0')).toBeUndefined()
  })

  it('may be stopped while its newest waits', async () => {
    const throttled = new ManualProvider('throttled', { throttleMs: 60_000 })
    const { supervisor } = await supervise(throttled)
    await throttled.sink.update(document('one'))
    const waiting = throttled.sink.update(document('two'))
    await supervisor.stop()
    expect(await waiting).toEqual({ state: 'superseded' })
  })
})

function deep(depth: number): unknown {
  let nested: unknown = []
  for (let level = 0; level < depth; level++) nested = [nested]
  return nested
}

function withTrap(name: string, thrown: unknown): unknown {
  return Object.defineProperty({ ...document('a') }, name, {
    enumerable: true,
    get() {
      throw thrown
    },
  })
}

function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function ownPart(): unknown {
  const circular: Record<string, unknown> = { ...document('a') }
  circular['frontends'] = circular
  return circular
}

const withRule = (rule: unknown) => ({ ...document('a'), frontends: { web: { backend: 'pool', rule } } })

/** Things that no provider should ever deliver; each is made anew each time, as a fetcher would. */
const garbage: [string, () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['a number', () => 7],
  ['a text', () => 'frontends'],
  ['a symbol', () => Symbol('config')],
  ['a function', () => () => document('a')],
  ['a list', () => [document('a')]],
  ['a date', () => new Date(0)],
  ['a promise', () => Promise.resolve(document('a'))],
  ['a map', () => new Map(Object.entries(document('a')))],
  ['an object with nothing in it', () => ({})],
  ['null for its parts', () => ({ frontends: null, backends: null })],
  ['lists for its parts', () => ({ frontends: [], backends: [] })],
  ['null for an entry', () => ({ frontends: { web: null }, backends: { pool: null } })],
  ['a function for a rule', () => withRule(() => true)],
  ['a getter of frontends that throws', () => withTrap('frontends', new Error('a trap'))],
  ['a getter of version that throws', () => withTrap('version', new Error('a trap'))],
  ['a getter that throws what is no error', () => withTrap('version', Object.create(null))],
  ['a revoked proxy', revokedProxy],
  ['itself as its own part', ownPart],
  ['lists in lists without end', () => ({ ...document('a'), surplus: deep(100_000) })],
  ['lists in lists without end for a rule', () => withRule({ host: deep(100_000) })],
]

describe('a delivery', () => {
  it('goes live as the next generation, under full names, and is told with all its steps', async () => {
    const provider = new ManualProvider('one')
    const { events, serves } = await supervise(provider)
    const about = { steps: { watch: 2, fetch: 14 }, verified: false }
    expect(await provider.sink.update(document('a', { version: 'v1' }), about)).toEqual({
      state: 'live',
      generation: 1,
    })
    expect(serves('a')).toBe('web@one')
    expect(events).toMatchObject([
      {
        is: 'changed',
        generation: 1,
        provider: 'one',
        version: 'v1',
        verified: false,
        changes: { frontends: { added: ['web@one'] }, backends: { added: ['pool@one'] } },
        steps: { watch: 2, fetch: 14 },
      },
    ])
    const [told] = events
    if (told?.is !== 'changed') throw new Error('expected configChanged')
    expect(Object.keys(told.steps)).toEqual(['watch', 'fetch', 'validate', 'merge', 'compile', 'swap'])
  })

  it('counts as verified where nothing else is said', async () => {
    const provider = new ManualProvider('one')
    const { events } = await supervise(provider)
    await provider.sink.update(document('a'))
    expect(events).toMatchObject([{ verified: true }])
  })

  it('that is refused leaves the last good one in place, and names every issue', async () => {
    const provider = new ManualProvider('one')
    const { events, serves } = await supervise(provider)
    await provider.sink.update(document('a'))
    const broken = {
      version: 'v2',
      frontends: { web: { backend: 'pool', rule: 'Host:' }, more: { backend: 'nowhere' } },
      backends: { pool: { servers: { only: { url: 'ftp://x' } } } },
    }
    const delivery = await provider.sink.update(broken)
    const paths = [
      'backends.pool.servers.only.url',
      'frontends.web.rule',
      'frontends.more.backend',
      'frontends.more',
    ]
    if (delivery.state !== 'refused') throw new Error(`it is ${delivery.state}`)
    expect(new Set(delivery.issues.map(({ path }) => path))).toEqual(new Set(paths))
    expect(serves('a')).toBe('web@one')
    expect(events[1]).toMatchObject({ is: 'rejected', provider: 'one', version: 'v2' })
    const rejected = events[1]?.is === 'rejected' ? events[1].error : undefined
    expect(rejected?.code).toBe('PROXY_CONFIG_INVALID')
    expect(rejected?.issues).toEqual(delivery.issues)
    for (const path of paths) expect(rejected?.message).toContain(path)
  })

  it('without frontends is refused, unless its provider may be empty', async () => {
    const strict = new ManualProvider('strict')
    const lax = new ManualProvider('lax', { allowEmpty: true })
    const { told } = await supervise(strict, lax)
    const empty = { frontends: {}, backends: {} }
    expect(await strict.sink.update(empty)).toMatchObject({
      state: 'refused',
      issues: [{ path: 'frontends', code: 'EMPTY' }],
    })
    expect(await lax.sink.update(empty)).toMatchObject({ state: 'live' })
    expect(told).toEqual([])
  })

  it('that is equal to what serves is quiet', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    await provider.sink.update(document('a', { version: 'v1' }))
    const again = await provider.sink.update(structuredClone(document('a', { version: 'v1' })))
    expect(again).toEqual({ state: 'live', generation: 1 })
    expect(watched.told).toEqual(['changed one'])
  })

  it('that is equal but for its label is told, for the operator waits for that label', async () => {
    const provider = new ManualProvider('one')
    const { supervisor } = await supervise(provider)
    await provider.sink.update(document('a', { version: 'v1' }))
    expect(await provider.sink.update(document('a', { version: 'v2' }))).toEqual({
      state: 'live',
      generation: 2,
    })
    expect(supervisor.states).toMatchObject([{ provider: 'one', state: 'live', version: 'v2' }])
  })

  it('is superseded by a newer one of the same provider, which wins', async () => {
    const provider = new ManualProvider('one')
    const { serves } = await supervise(provider)
    const deliveries = ['a', 'b', 'c', 'd'].map((host) => provider.sink.update(document(host)))
    const states = (await Promise.all(deliveries)).map(({ state }) => state)
    expect(states).toEqual(['superseded', 'superseded', 'superseded', 'live'])
    expect(['a', 'b', 'c', 'd'].map(serves)).toEqual([undefined, undefined, undefined, 'web@one'])
  })

  it('that is bad supersedes a good one all the same: what it names is what was wanted last', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    const [good, bad] = await Promise.all([
      provider.sink.update(document('a')),
      provider.sink.update(document('a', { backend: 'nowhere' })),
    ])
    expect([good.state, bad.state]).toEqual(['superseded', 'refused'])
    expect(watched.told).toEqual(['rejected one'])
  })

  it('does not supersede one of another provider', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const { serves } = await supervise(one, two)
    const deliveries = await Promise.all([one.sink.update(document('a')), two.sink.update(document('b'))])
    expect(deliveries).toEqual([
      { state: 'live', generation: 1 },
      { state: 'live', generation: 2 },
    ])
    expect([serves('a'), serves('b')]).toEqual(['web@one', 'web@two'])
  })

  it('is told once per distinct content while it is refused', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    const broken = (host: string) => document(host, { backend: 'nowhere' })
    for (const host of ['a', 'a', 'b', 'b']) await provider.sink.update(broken(host))
    expect(watched.told).toEqual(['rejected one', 'rejected one'])
    await provider.sink.update(document('a'))
    await provider.sink.update(broken('b'))
    expect(watched.told).toEqual(['rejected one', 'rejected one', 'changed one', 'rejected one'])
  })

  it.each(garbage)('of %s is refused, twice over, and the next good one goes live', async (_, make) => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    await provider.sink.update(document('a'))
    for (const nth of ['first', 'second']) {
      const delivery = await provider.sink.update(make() as ProviderConfig)
      expect(delivery.state, nth).toBe('refused')
    }
    expect(watched.serves('a')).toBe('web@one')
    expect(watched.told.slice(0, 2)).toEqual(['changed one', 'rejected one'])
    expect(await provider.sink.update(document('b'))).toEqual({ state: 'live', generation: 2 })
    expect(watched.serves('b')).toBe('web@one')
  })

  it('after the stop is dropped, as is all else that is said then', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    await provider.sink.update(document('a'))
    const late = provider.sink.update(document('b'))
    await watched.supervisor.stop()
    expect(await late).toEqual({ state: 'superseded' })
    expect(await provider.sink.update(document('c'))).toEqual({ state: 'superseded' })
    provider.sink.reject(new ProxyError('PROXY_CONFIG_UNUSABLE'))
    provider.sink.unavailable(new Error('late'))
    provider.sink.recovered()
    expect(watched.told).toEqual(['changed one'])
    expect(watched.serves('a')).toBe('web@one')
  })
})

describe('several providers', () => {
  it('are merged under full names, though their own names are the same', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const { events, serves } = await supervise(one, two)
    await one.sink.update(document('a'))
    await two.sink.update(document('b'))
    expect([serves('a'), serves('b')]).toEqual(['web@one', 'web@two'])
    expect(events[1]).toMatchObject({
      provider: 'two',
      changes: { frontends: { added: ['web@two'], removed: [], changed: [] } },
    })
  })

  it('keep what is live of each, whatever becomes of the others', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const { serves, supervisor } = await supervise(one, two)
    await one.sink.update(document('a'))
    await two.sink.update(document('b'))
    await one.sink.update({ frontends: {}, backends: {} })
    one.sink.unavailable(new Error('gone'))
    await two.sink.update(document('c'))
    expect([serves('a'), serves('b'), serves('c')]).toEqual(['web@one', undefined, 'web@two'])
    expect(supervisor.states).toMatchObject([
      { provider: 'one', state: 'unavailable' },
      { provider: 'two', state: 'live' },
    ])
  })

  it('may use a backend of another, which is refused until that one delivers, and then goes live by itself', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const watched = await supervise(one, two)
    expect(await one.sink.update(document('a', { backend: 'pool@two' }))).toMatchObject({
      state: 'refused',
      issues: [
        {
          path: 'frontends["web@one"].backend',
          code: 'MISSING_BACKEND',
          message: expect.stringContaining('"pool@two"'),
        },
      ],
    })
    await two.sink.update(document('b'))
    await vi.waitFor(() => expect(watched.serves('a')).toBe('web@one'), 30_000)
    expect(watched.told).toEqual(['rejected one', 'changed two', 'changed one'])
  })

  it('do not go live by themselves with what was replaced meanwhile', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const watched = await supervise(one, two)
    await one.sink.update(document('old', { backend: 'pool@two' }))
    await one.sink.update(document('new'))
    await two.sink.update(document('b'))
    await two.sink.update(document('c'))
    expect(watched.serves('old')).toBeUndefined()
    expect(watched.told).toEqual(['rejected one', 'changed one', 'changed two', 'changed two'])
  })

  it('may not take away a backend that another uses: that is refused, and both keep serving', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const { serves } = await supervise(one, two)
    await two.sink.update(document('b'))
    await one.sink.update(document('a', { backend: 'pool@two' }))
    const without: ProviderConfig = {
      frontends: { web: { backend: 'other', rule: 'Host:c' } },
      backends: { other: { servers: { only: { url: 'http://127.0.0.1:9' } } } },
    }
    expect(await two.sink.update(without)).toMatchObject({
      state: 'refused',
      issues: [{ path: 'frontends["web@one"].backend', code: 'MISSING_BACKEND' }],
    })
    expect([serves('a'), serves('b'), serves('c')]).toEqual(['web@one', 'web@two', undefined])
    // Once nobody uses it any more, it goes by itself.
    await one.sink.update(document('a'))
    await vi.waitFor(() => expect(serves('c')).toBe('web@two'), 30_000)
    expect(serves('b')).toBeUndefined()
  })

  it('of one name are refused, and so is a name that no frontend could be shown under', () => {
    const make = (...names: string[]) =>
      new ProviderSupervisor(
        names.map((name) => new ManualProvider(name)),
        async () => ({ generation: 1 }),
        { rejected() {}, unavailable() {}, recovered() {} },
      )
    expect(() => make('same', 'other', 'same')).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringContaining('"same"') }),
    )
    for (const name of ['', 'a@b', undefined as unknown as string]) {
      expect(() => make(name)).toThrow(expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }))
    }
  })
})

describe('ready', () => {
  it('resolves when the first configuration of every provider is live', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const { supervisor } = await supervise(one, two)
    let isReady = false
    const ready = supervisor.ready(5_000).then(() => {
      isReady = true
    })
    await one.sink.update(document('a'))
    expect(isReady).toBe(false)
    await two.sink.update(document('b'))
    await ready
    await supervisor.ready(1)
  })

  it('rejects at the limit, naming each missing provider and its first cause; starting goes on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const names = ['live', 'silent', 'unavailable', 'refused']
    const [live, silent, troubled, refused] = names.map((name) => new ManualProvider(name)) as [
      ManualProvider,
      ManualProvider,
      ManualProvider,
      ManualProvider,
    ]
    const { supervisor } = await supervise(live, silent, troubled, refused)
    const cause = new Error('connection refused')
    troubled.sink.unavailable(cause)
    troubled.sink.unavailable(new Error('the second attempt failed too'))
    refused.sink.reject(new ProxyError('PROXY_CONFIG_UNUSABLE', 'that is HTML'))
    await live.sink.update(document('a'))
    const error = supervisor.ready(5_000).catch((thrown: unknown) => thrown)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await error).toMatchObject({
      code: 'PROXY_NOT_READY',
      message:
        'not ready after 5000 ms: silent: delivered nothing yet; unavailable: connection refused; refused: that is HTML',
      cause,
    })
    const later = supervisor.ready(5_000)
    for (const provider of [silent, troubled, refused]) await provider.sink.update(document('b'))
    await later
  })

  it('rejects when the proxy is closed meanwhile, or was before', async () => {
    const { supervisor } = await supervise(new ManualProvider('one'))
    const ready = supervisor.ready(60_000)
    ready.catch(() => {})
    await supervisor.stop()
    await expect(ready).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
    await expect(supervisor.ready(1)).rejects.toMatchObject({ code: 'PROXY_CLOSED' })
  })
})

describe('starting and stopping', () => {
  it('happens once to each provider, however often it is asked for', async () => {
    const provider = new ManualProvider('one')
    const { supervisor } = await supervise(provider)
    await Promise.all([supervisor.start(), supervisor.start()])
    await Promise.all([supervisor.stop(), supervisor.stop()])
    await supervisor.stop()
    expect([provider.started, provider.stopped]).toEqual([1, 1])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such file')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no such file'))],
    ['rejects with what is no error', () => Promise.reject('no such file')],
  ] as [string, () => Promise<void>][])(
    'survives a provider whose start %s: its trouble, and nobody else is harmed',
    async (_, start) => {
      const failing = new ManualProvider('failing')
      failing.start = start
      const other = new ManualProvider('other')
      const watched = await supervise(failing, other)
      expect(await other.sink.update(document('a'))).toMatchObject({ state: 'live' })
      expect(watched.told).toEqual(['unavailable failing', 'changed other'])
      expect(watched.events[0]).toMatchObject({ error: { message: 'no such file' } })
      await watched.supervisor.stop()
      expect(failing.stopped).toBe(1)
    },
  )

  it('does not wait for a provider whose start never ends to let others deliver', async () => {
    const slow = new ManualProvider('slow')
    slow.start = () => new Promise(() => {})
    const supervised = new StaticProvider({ config: document('a'), name: 'quick' })
    const engine = new OpenEngine()
    const supervisor = new ProviderSupervisor(
      [slow, supervised],
      (config, about, cancel, onSwapped) => engine.applyMerged(config, about, cancel, onSwapped),
      { rejected() {}, unavailable() {}, recovered() {} },
    )
    supervisors.push(supervisor)
    void supervisor.start()
    await vi.waitFor(() => expect(engine.generation).toBe(1), 30_000)
  })

  it('says nothing of a start that fails because of the stop', async () => {
    const provider = new ManualProvider('one')
    let fail = (_error: Error) => {}
    provider.start = () =>
      new Promise((_, reject) => {
        fail = reject
      })
    const events: string[] = []
    const note = () => void events.push('told')
    const supervisor = new ProviderSupervisor([provider], async () => ({ generation: 1 }), {
      rejected: note,
      unavailable: note,
      recovered: note,
    })
    const starting = supervisor.start()
    await supervisor.stop()
    fail(new Error('stopped'))
    await starting
    expect(events).toEqual([])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('cannot stop')
      },
    ],
    ['rejects', () => Promise.reject(new Error('cannot stop'))],
  ] as [string, () => Promise<void>][])(
    'survives a provider whose stop %s, and stops the others',
    async (_, stop) => {
      const failing = new ManualProvider('failing')
      failing.stop = stop
      const other = new ManualProvider('other')
      const { supervisor } = await supervise(failing, other)
      await supervisor.stop()
      expect(other.stopped).toBe(1)
    },
  )

  it('waits five seconds for a provider whose stop never ends, and no longer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const hanging = new ManualProvider('hanging')
    hanging.stop = () => new Promise(() => {})
    const { supervisor } = await supervise(hanging)
    let stopped = false
    const stopping = supervisor.stop().then(() => {
      stopped = true
    })
    await vi.advanceTimersByTimeAsync(4_999)
    expect(stopped).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await stopping
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('unavailable', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

  it('is told once per outage, with its first cause, and what is live stays so', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    await provider.sink.update(document('a'))
    const cause = new Error('connection refused')
    provider.sink.unavailable(cause)
    for (let attempt = 0; attempt < 100; attempt++) provider.sink.unavailable(new Error('still'))
    expect(watched.told).toEqual(['changed one', 'unavailable one'])
    expect(watched.events[1]).toMatchObject({ error: cause })
    expect(watched.serves('a')).toBe('web@one')
    expect(watched.supervisor.states).toMatchObject([{ state: 'unavailable' }])
  })

  it('is over after two seconds of health, and then told with how long it lasted', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    await provider.sink.update(document('a'))
    provider.sink.unavailable(new Error('gone'))
    await pass(7_000)
    provider.sink.recovered()
    await pass(1_999)
    expect(watched.told).toEqual(['changed one', 'unavailable one'])
    await pass(1)
    expect(watched.events[2]).toEqual({ is: 'recovered', provider: 'one', downMs: 7_000 })
    expect(watched.supervisor.states).toMatchObject([{ state: 'live' }])
  })

  it('that comes and goes is one outage', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    for (let flap = 0; flap < 50; flap++) {
      provider.sink.unavailable(new Error(`flap ${flap}`))
      await pass(500)
      provider.sink.recovered()
      await pass(1_500)
    }
    expect(watched.told).toEqual(['unavailable one'])
    await pass(2_000)
    expect(watched.told).toEqual(['unavailable one', 'recovered one'])
  })

  it('after a recovery is a new outage', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    for (let outage = 0; outage < 2; outage++) {
      provider.sink.unavailable(new Error('gone'))
      provider.sink.recovered()
      await pass(2_000)
    }
    expect(watched.told).toEqual(['unavailable one', 'recovered one', 'unavailable one', 'recovered one'])
  })

  it('is not over the later for a source that says again and again that it answers', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    provider.sink.unavailable(new Error('gone'))
    for (let word = 0; word < 21; word++) {
      provider.sink.recovered()
      await pass(100)
    }
    expect(watched.told).toEqual(['unavailable one', 'recovered one'])
  })

  it('never had is not recovered from', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    provider.sink.recovered()
    await pass(10_000)
    expect(watched.told).toEqual([])
  })

  it('of one provider says nothing of another', async () => {
    const [one, two] = [new ManualProvider('one'), new ManualProvider('two')]
    const watched = await supervise(one, two)
    one.sink.unavailable(new Error('gone'))
    two.sink.recovered()
    await pass(10_000)
    expect(watched.told).toEqual(['unavailable one'])
  })

  it('that ends after the stop is not told', async () => {
    const provider = new ManualProvider('one')
    const watched = await supervise(provider)
    provider.sink.unavailable(new Error('gone'))
    provider.sink.recovered()
    await watched.supervisor.stop()
    await pass(10_000)
    expect(watched.told).toEqual(['unavailable one'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
