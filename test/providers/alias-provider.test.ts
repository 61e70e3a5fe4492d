import {
  AliasProvider,
  type AliasProviderOptions,
  type AliasReading,
  type AliasSource,
  type ConfigFetcher,
  type ConfigRejected,
  createProxy,
  InMemoryAliasSource,
  type ProviderConfig,
  ProxyError,
} from 'switchover'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RecordingSink } from '../support/recording-sink.js'

// Of this module vitest makes no fake: what waits by it is made to wait by the timers of which it does.
vi.mock('node:timers/promises', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  setTimeout: (ms: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason)
      const timer = setTimeout(() => resolve(value), ms)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    }),
}))

const V1 = '/traefik/dev/v1'
const V2 = '/traefik/dev/v2'

function document(more: Partial<ProviderConfig> = {}): ProviderConfig {
  return {
    frontends: { web: { backend: 'web', rule: 'Host:www.baidu.com' } },
    backends: { web: { servers: { only: { url: 'http://127.0.0.1:9' } } } },
    ...more,
  }
}

/** Answers when it is told to. */
class ScriptedFetcher implements ConfigFetcher {
  readonly asked: {
    prefix: string
    signal: AbortSignal
    answer: (config: ProviderConfig) => void
    fail: (error: Error) => void
  }[] = []

  fetch(prefix: string, { signal }: { readonly signal: AbortSignal }): Promise<ProviderConfig> {
    return new Promise((answer, fail) => this.asked.push({ prefix, signal, answer, fail }))
  }

  get prefixes(): string[] {
    return this.asked.map(({ prefix }) => prefix)
  }

  get last() {
    const last = this.asked.at(-1)
    if (!last) throw new Error('nothing was fetched')
    return last
  }
}

const unreachable = new ProxyError('PROXY_CONFIG_UNREACHABLE', 'the API is down')
const unusable = new ProxyError('PROXY_CONFIG_UNUSABLE', 'that is HTML')

const stops: (() => Promise<void>)[] = []

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Lets all that is under way come to its end, without time passing. */
const settle = () => vi.advanceTimersByTimeAsync(0)

async function follow<S extends AliasSource>(source: S, options: Partial<AliasProviderOptions> = {}) {
  const fetcher = new ScriptedFetcher()
  const sink = new RecordingSink()
  const provider = new AliasProvider({ source, fetcher, ...options })
  stops.push(() => provider.stop())
  await provider.start(sink)
  await settle()
  return { provider, source, fetcher, sink }
}

describe('following an alias', () => {
  it('fetches the prefix that the alias names, and delivers the document under that label', async () => {
    const { fetcher, sink } = await follow(new InMemoryAliasSource(`${V1}\n`))
    expect(fetcher.prefixes).toEqual([V1])
    await vi.advanceTimersByTimeAsync(30)
    fetcher.last.answer(document())
    await settle()
    expect(sink.of('update')).toEqual([
      {
        what: 'update',
        config: document({ version: V1 }),
        about: expect.objectContaining({ verified: false }),
      },
    ])
    expect(Object.keys(sink.of('update')[0]?.about?.steps ?? {})).toEqual(['watch', 'fetch'])
    expect(sink.of('update')[0]?.about?.steps?.['fetch']).toBe(30)
  })

  it("keeps the document's own label, and says that its prefix was confirmed", async () => {
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.answer(document({ version: 'release 7', prefix: V1 }))
    await settle()
    expect(sink.versions).toEqual(['release 7'])
    expect(sink.of('update')[0]?.about?.verified).toBe(true)
  })

  it('refuses the document of another prefix, whatever the fetcher thinks of it', async () => {
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V2))
    fetcher.last.answer(document({ prefix: V1 }))
    await settle()
    expect(sink.versions).toEqual([])
    expect(sink.of('reject')).toMatchObject([{ error: { code: 'PROXY_CONFIG_LAGGING' }, version: V2 }])
  })

  it('fetches again when the same value is written again', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.answer(document())
    await settle()
    source.set(V1)
    await settle()
    expect(fetcher.prefixes).toEqual([V1, V1])
    fetcher.last.answer(document())
    await settle()
    expect(sink.versions).toEqual([V1, V1])
  })

  it('does nothing when the bell rings and nothing was written', async () => {
    let ring = () => {}
    const source = new InMemoryAliasSource(V1)
    const watch = source.watch.bind(source)
    source.watch = (bell) => {
      ring = () => bell.changed()
      return watch(bell)
    }
    const { fetcher } = await follow(source)
    fetcher.last.answer(document())
    for (let round = 0; round < 5; round++) {
      ring()
      await settle()
    }
    expect(fetcher.prefixes).toEqual([V1])
  })

  it('follows another value under a revision it has seen, as after a restore from a backup', async () => {
    const reading: { value: string; revision: string } = { value: V2, revision: '7' }
    const source = new ScriptedSource(() => ({ ...reading }))
    const { fetcher } = await follow(source)
    reading.value = V1
    source.ring()
    await settle()
    expect(fetcher.prefixes).toEqual([V2, V1])
  })
})

describe('a newer alias value', () => {
  it('aborts the fetch for the older one, whose answer is dropped', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    const [older] = fetcher.asked
    source.set(V2)
    await settle()
    expect(older?.signal.aborted).toBe(true)
    fetcher.last.answer(document())
    older?.answer(document())
    await settle()
    expect(fetcher.prefixes).toEqual([V1, V2])
    expect(sink.versions).toEqual([V2])
  })

  it('ends on the last value though the older fetch answers last', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    source.set(V2)
    await settle()
    const [older, newer] = fetcher.asked
    older?.answer(document({ version: 'old' }))
    await settle()
    newer?.answer(document({ version: 'new' }))
    await settle()
    expect(sink.versions).toEqual(['new'])
  })

  it('that is the one before again ends on the one before: v1, v2, v1 while v2 is fetched', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.answer(document())
    await settle()
    source.set(V2)
    await settle()
    const second = fetcher.last
    source.set(V1)
    await settle()
    second.answer(document())
    fetcher.last.answer(document())
    await settle()
    expect(second.signal.aborted).toBe(true)
    expect(fetcher.prefixes).toEqual([V1, V2, V1])
    expect(sink.versions).toEqual([V1, V1])
  })

  it('ends the wait of the older one for its next try', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(unusable)
    await settle()
    source.set(V2)
    await settle()
    fetcher.last.answer(document())
    await vi.advanceTimersByTimeAsync(120_000)
    expect(fetcher.prefixes).toEqual([V1, V2])
    expect(sink.versions).toEqual([V2])
  })

  it('in great numbers, all at once, is read once or twice and fetched by the last', async () => {
    const source = new InMemoryAliasSource(V1)
    const read = vi.spyOn(source, 'read')
    const { fetcher, sink } = await follow(source)
    read.mockClear()
    for (let flip = 0; flip <= 1_000; flip++) source.set(`/traefik/dev/flip-${flip}`)
    await settle()
    expect(read.mock.calls.length).toBeLessThanOrEqual(2)
    fetcher.last.answer(document())
    await settle()
    expect(sink.versions).toEqual(['/traefik/dev/flip-1000'])
  })
})

/** Reads what it is told to, and rings when it is told to. */
class ScriptedSource implements AliasSource {
  reads = 0
  stopped = 0
  bell: Parameters<AliasSource['watch']>[0] | undefined
  readonly #read: () => AliasReading | Promise<AliasReading>

  constructor(read: () => AliasReading | Promise<AliasReading>) {
    this.#read = read
  }

  ring(): void {
    this.bell?.changed()
  }

  async watch(bell: Parameters<AliasSource['watch']>[0]): Promise<void> {
    this.bell = bell
    bell.changed()
  }

  async read(): Promise<AliasReading> {
    this.reads += 1
    return this.#read()
  }

  async stop(): Promise<void> {
    this.stopped += 1
  }
}

describe('rings', () => {
  it('during a read cause one more read, however many they are', async () => {
    const answers: ((reading: AliasReading) => void)[] = []
    const source = new ScriptedSource(() => new Promise((answer) => answers.push(answer)))
    const { fetcher } = await follow(source)
    for (let ring = 0; ring < 1_000; ring++) source.ring()
    await settle()
    expect(source.reads).toBe(1)
    answers[0]?.({ value: V1, revision: '1' })
    await settle()
    expect(source.reads).toBe(2)
    answers[1]?.({ value: V2, revision: '2' })
    await settle()
    expect(source.reads).toBe(2)
    expect(fetcher.prefixes).toEqual([V1, V2])
  })
})

describe('an alias that cannot be read', () => {
  it('is trouble, is read again with backoff, and is well again with the first read that succeeds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const failure = new Error('etcd is down')
    let down = true
    const source = new ScriptedSource(() => {
      if (down) throw failure
      return { value: V1, revision: '1' }
    })
    const { fetcher, sink } = await follow(source)
    expect(sink.of('unavailable')[0]?.error).toBe(failure)
    for (const wait of [100, 200, 400, 800, 1_600, 2_000, 2_000]) {
      const { reads } = source
      await vi.advanceTimersByTimeAsync(wait - 1)
      expect(source.reads).toBe(reads)
      await vi.advanceTimersByTimeAsync(1)
      expect(source.reads).toBe(reads + 1)
    }
    down = false
    await vi.advanceTimersByTimeAsync(2_000)
    expect(fetcher.prefixes).toEqual([V1])
    expect(sink.outages).toBe(1)
    expect(sink.of('recovered')).toHaveLength(1)
  })

  it('is read at once when the bell rings while it waits', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    let down = true
    const source = new ScriptedSource(() => {
      if (down) throw new Error('etcd is down')
      return { value: V1, revision: '1' }
    })
    const { fetcher } = await follow(source)
    await vi.advanceTimersByTimeAsync(10_000)
    down = false
    source.ring()
    await settle()
    expect(fetcher.prefixes).toEqual([V1])
  })

  it('keeps the fetch that is under way going', async () => {
    let down = false
    const source = new ScriptedSource(() => {
      if (down) throw new Error('etcd is down')
      return { value: V1, revision: '1' }
    })
    const { fetcher, sink } = await follow(source)
    down = true
    source.ring()
    await settle()
    fetcher.last.answer(document())
    await settle()
    expect(sink.versions).toEqual([V1])
    expect(sink.isUnavailable).toBe(true)
  })
})

describe('an alias key that does not exist', () => {
  it('is trouble that says so, and nothing is delivered', async () => {
    const { fetcher, sink } = await follow(new InMemoryAliasSource())
    expect(sink.said).toMatchObject([{ what: 'unavailable', error: { code: 'PROXY_ALIAS_MISSING' } }])
    expect(fetcher.asked).toEqual([])
  })

  it('because it was deleted empties nothing, and ends the fetch for its last value', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.answer(document())
    await settle()
    source.set(V2)
    await settle()
    source.set(undefined)
    await settle()
    expect(fetcher.last.signal.aborted).toBe(true)
    fetcher.last.answer(document())
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sink.versions).toEqual([V1])
    expect(sink.outages).toBe(1)
  })

  it('is followed once it is written, and well again', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource())
    source.set(V1)
    await settle()
    fetcher.last.answer(document())
    await settle()
    expect(sink.said.map(({ what }) => what)).toEqual(['unavailable', 'recovered', 'update'])
  })
})

describe('an alias value that names no prefix', () => {
  it.each(['', 'v1', '/a/../b', '/a//b', '/other/v1'])(
    '%j is rejected, and nothing is fetched',
    async (value) => {
      const { fetcher, sink } = await follow(new InMemoryAliasSource(value), { allowedPrefix: '/traefik' })
      expect(sink.said).toMatchObject([{ what: 'reject', error: { code: 'PROXY_ALIAS_INVALID' } }])
      expect(fetcher.asked).toEqual([])
    },
  )

  it('ends the fetch for the value before it: the alias names that no longer', async () => {
    const { source, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    source.set('..')
    await settle()
    expect(fetcher.last.signal.aborted).toBe(true)
    fetcher.last.answer(document())
    await settle()
    expect(sink.versions).toEqual([])
  })
})

describe('a prefix that cannot be fetched', () => {
  it('is trouble, is fetched again after 0.1 to 2 s, and is well again when it succeeds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    for (const wait of [100, 200, 400, 800, 1_600, 2_000, 2_000]) {
      const { length } = fetcher.asked
      fetcher.last.fail(unreachable)
      await vi.advanceTimersByTimeAsync(wait - 1)
      expect(fetcher.asked).toHaveLength(length)
      await vi.advanceTimersByTimeAsync(1)
      expect(fetcher.asked).toHaveLength(length + 1)
    }
    expect(sink.outages).toBe(1)
    expect(sink.of('reject')).toEqual([])
    fetcher.last.answer(document())
    await settle()
    expect(sink.versions).toEqual([V1])
    expect(sink.isUnavailable).toBe(false)
  })

  it('is left alone for as long as the API asks, but no longer than 30 s', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { fetcher } = await follow(new InMemoryAliasSource(V1))
    for (const [retryAfterMs, wait] of [
      [7_000, 7_100],
      [86_400_000, 30_200],
      [Number.NaN, 400],
      [-5_000, 800],
      [undefined, 1_600],
    ] as const) {
      const { length } = fetcher.asked
      fetcher.last.fail(new ProxyError('PROXY_CONFIG_UNREACHABLE', 'status 429', { retryAfterMs }))
      await vi.advanceTimersByTimeAsync(wait - 1)
      expect(fetcher.asked).toHaveLength(length)
      await vi.advanceTimersByTimeAsync(1)
      expect(fetcher.asked).toHaveLength(length + 1)
    }
  })

  it('is asked for at once under a newer alias value, however long the API wants to be left alone', async () => {
    const { fetcher, source } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(new ProxyError('PROXY_CONFIG_UNREACHABLE', 'status 429', { retryAfterMs: 20_000 }))
    await settle()
    source.set(V2)
    await settle()
    expect(fetcher.prefixes).toEqual([V1, V2])
  })

  it('because of an error of any other kind is trouble too', async () => {
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(new TypeError('the fetcher has a defect'))
    await settle()
    expect(sink.of('unavailable')[0]?.error.message).toBe('the fetcher has a defect')
  })

  it('is an outage until both the alias and the prefix can be had', async () => {
    let down = false
    let revision = 1
    const source = new ScriptedSource(() => {
      if (down) throw new Error('etcd is down')
      return { value: V1, revision: String(revision) }
    })
    const { fetcher, sink } = await follow(source)
    fetcher.last.fail(unreachable)
    down = true
    source.ring()
    await settle()
    down = false
    revision += 1
    source.ring()
    await settle()
    expect(sink.isUnavailable).toBe(true)
    fetcher.last.answer(document())
    await settle()
    expect(sink.isUnavailable).toBe(false)
    expect(sink.outages).toBe(1)
  })
})

describe('with spreadMs', () => {
  it('a flip is answered at a moment of its own, the first value at once', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { fetcher, source, sink } = await follow(new InMemoryAliasSource(V1), { spreadMs: 4_000 })
    expect(fetcher.prefixes).toEqual([V1])
    source.set(V2)
    await vi.advanceTimersByTimeAsync(1_999)
    expect(fetcher.prefixes).toEqual([V1])
    await vi.advanceTimersByTimeAsync(1)
    expect(fetcher.prefixes).toEqual([V1, V2])
    fetcher.last.answer(document())
    await settle()
    expect(sink.of('update')[0]?.about?.steps).toMatchObject({ spread: 2_000 })
  })

  it('a flip during the wait takes the place of the one before', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { fetcher, source } = await follow(new InMemoryAliasSource(V1), { spreadMs: 4_000 })
    source.set(V2)
    await vi.advanceTimersByTimeAsync(1_000)
    source.set('/traefik/dev/v3')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(fetcher.prefixes).toEqual([V1, '/traefik/dev/v3'])
  })
})

describe('a prefix that is refused', () => {
  const refused = { state: 'refused' as const, issues: [] }

  it.each([
    ['by the fetcher', false],
    ['at its delivery', true],
  ])('%s is fetched again after 1 to 30 s, for as long as it takes', async (_, atDelivery) => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    if (atDelivery) sink.answer = () => refused
    for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const { length } = fetcher.asked
      if (atDelivery) fetcher.last.answer(document())
      else fetcher.last.fail(unusable)
      await vi.advanceTimersByTimeAsync(wait - 1)
      expect(fetcher.asked).toHaveLength(length)
      await vi.advanceTimersByTimeAsync(1)
      expect(fetcher.asked).toHaveLength(length + 1)
    }
    sink.answer = () => ({ state: 'live', generation: 2 })
    fetcher.last.answer(document({ version: 'right' }))
    await vi.advanceTimersByTimeAsync(120_000)
    expect(sink.versions.at(-1)).toBe('right')
    expect(fetcher.asked).toHaveLength(8)
    expect(sink.outages).toBe(0)
  })

  it('waits a quarter of a second at least, whatever is drawn', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { fetcher } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(unusable)
    await vi.advanceTimersByTimeAsync(249)
    expect(fetcher.asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(fetcher.asked).toHaveLength(2)
  })

  it('is fetched at once when the alias is written again, even with the same value', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const { source, fetcher } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(unusable)
    await settle()
    source.set(V1)
    await settle()
    expect(fetcher.prefixes).toEqual([V1, V1])
  })

  it('is rejected under the label of its alias value', async () => {
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(unusable)
    await settle()
    expect(sink.of('reject')).toEqual([{ what: 'reject', error: unusable, version: V1 }])
  })

  it('ends an outage of the API: what was refused was obtained', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(unreachable)
    await vi.advanceTimersByTimeAsync(25)
    fetcher.last.fail(unusable)
    await settle()
    expect(sink.said.map(({ what }) => what)).toEqual(['unavailable', 'recovered', 'reject'])
  })

  it('tells the operator once per distinct content, and again after something went live in between', async () => {
    const source = new InMemoryAliasSource(V1)
    const fetcher = new ScriptedFetcher()
    const proxy = createProxy({ providers: [new AliasProvider({ source, fetcher })] })
    stops.push(() => proxy.close())
    const events: ConfigRejected[] = []
    proxy.on('configRejected', (event) => events.push(event))
    await proxy.start()
    await settle()
    const retry = async (answer: ProviderConfig | Error) => {
      if (answer instanceof Error) fetcher.last.fail(answer)
      else fetcher.last.answer(answer)
      await vi.advanceTimersByTimeAsync(30_000)
    }
    const broken = (name: string) =>
      document({ frontends: { [name]: { backend: 'nowhere', rule: 'Host:a' } } })
    await retry(unusable)
    await retry(unusable)
    await retry(new ProxyError('PROXY_CONFIG_UNUSABLE', 'that is HTML'))
    expect(events.map(({ error }) => error.code)).toEqual(['PROXY_CONFIG_UNUSABLE'])
    await retry(broken('a'))
    await retry(broken('a'))
    expect(events.map(({ error }) => error.code)).toEqual(['PROXY_CONFIG_UNUSABLE', 'PROXY_CONFIG_INVALID'])
    await retry(broken('b'))
    expect(events).toHaveLength(3)
    source.set(V1)
    await settle()
    await retry(broken('b'))
    expect(events).toHaveLength(3)
    await retry(document())
    expect(proxy.state.generation).toBe(1)
    source.set(V1)
    await settle()
    await retry(broken('b'))
    expect(events).toHaveLength(4)
    expect(events.every(({ provider, version }) => provider === 'alias' && version === V1)).toBe(true)
  })
})

describe('stop', () => {
  it('aborts the fetch, stops the source, and delivers nothing any more', async () => {
    const { provider, source, fetcher, sink } = await follow(
      new ScriptedSource(() => ({ value: V1, revision: '1' })),
    )
    await provider.stop()
    expect(fetcher.last.signal.aborted).toBe(true)
    expect(source.stopped).toBe(1)
    fetcher.last.answer(document())
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sink.said).toEqual([])
  })

  it.each([
    ['finds a value', { value: V1, revision: '1' }],
    ['finds no key', { revision: '1' }],
    ['finds a value that names no prefix', { value: '..', revision: '1' }],
  ])('during a read is the end, though the read %s', async (_, reading) => {
    let answer = (_reading: AliasReading) => {}
    const source = new ScriptedSource(
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    )
    const { provider, fetcher, sink } = await follow(source)
    await provider.stop()
    answer(reading)
    await settle()
    expect(sink.said).toEqual([])
    expect(fetcher.asked).toEqual([])
  })

  it('while it waits for its next try is the end', async () => {
    const { provider, fetcher, sink } = await follow(new InMemoryAliasSource(V1))
    fetcher.last.fail(unreachable)
    await settle()
    const { length } = sink.said
    await provider.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(fetcher.asked).toHaveLength(1)
    expect(sink.said).toHaveLength(length)
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('is named alias, refuses empty documents, and takes other wishes', () => {
  const needed = { source: new InMemoryAliasSource(V1), fetcher: new ScriptedFetcher() }
  expect(new AliasProvider(needed)).toMatchObject({ name: 'alias', allowEmpty: false })
  expect(new AliasProvider({ ...needed, name: 'dev', allowEmpty: true })).toMatchObject({
    name: 'dev',
    allowEmpty: true,
  })
})
