import { ProxyError, StaticProvider } from 'switchover'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DocumentLabels } from '../../src/model/config.js'
import type { MergedConfig } from '../../src/model/merge-configs.js'
import { SupervisedProvider } from '../../src/providers/supervised-provider.js'

const nothing: MergedConfig = { frontends: new Map(), backends: new Map() }

function supervised() {
  const told: unknown[] = []
  const provider = new StaticProvider({ config: { frontends: {}, backends: {} } })
  const entry = new SupervisedProvider(provider, {
    rejected: (event) => told.push(event),
    unavailable: (event) => told.push(event),
    recovered: (event) => told.push(event),
  })
  return { entry, told }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const source = (labels: DocumentLabels) => ({ config: nothing, labels, delivered: undefined })

describe('the state of a provider', () => {
  it('is pending without a version until something is live', () => {
    expect(supervised().entry.state).toEqual({ provider: 'static', state: 'pending' })
  })

  it('is live with its version and age', () => {
    const { entry } = supervised()
    entry.wentLive(source({ version: 'v1' }), [])
    vi.advanceTimersByTime(1_500)
    expect(entry.state).toEqual({ provider: 'static', state: 'live', version: 'v1', ageMs: 1_500 })
  })

  it('is troubled during an outage, whether something is live or not, and keeps telling what is live', () => {
    const { entry } = supervised()
    entry.unavailable(new Error('gone'))
    expect(entry.state).toEqual({ provider: 'static', state: 'unavailable' })
    entry.wentLive(source({ version: 'v1' }), [])
    expect(entry.state).toMatchObject({ state: 'unavailable', version: 'v1' })
    entry.recovered()
    vi.advanceTimersByTime(2_000)
    expect(entry.state).toMatchObject({ state: 'live', version: 'v1' })
  })
})

describe('a rejection', () => {
  const error = new ProxyError('PROXY_CONFIG_UNUSABLE', 'that is HTML')

  it('is told with the label of what was refused, where there is one', () => {
    const { entry, told } = supervised()
    entry.reject(error, 'v2', 'one')
    entry.reject(error, undefined, 'other')
    expect(told).toEqual([
      { provider: 'static', version: 'v2', error },
      { provider: 'static', error },
    ])
  })

  it('of equal content is told once, until something was accepted', () => {
    const { entry, told } = supervised()
    for (let attempt = 0; attempt < 3; attempt++) entry.reject(error, 'v2', { deep: ['equal'] })
    expect(told).toHaveLength(1)
    entry.accepted(source({}), undefined)
    entry.reject(error, 'v2', { deep: ['equal'] })
    expect(told).toHaveLength(2)
  })

  it('of content that cannot be compared is told once per message', () => {
    const { entry, told } = supervised()
    const trap = () => ({
      get version(): string {
        throw new Error('a trap')
      },
    })
    entry.reject(error, undefined, trap())
    entry.reject(error, undefined, trap())
    entry.reject(new ProxyError('PROXY_CONFIG_UNUSABLE', 'that is a picture'), undefined, trap())
    expect(told).toHaveLength(2)
  })

  it('is the first cause of not being ready unless trouble came before it', () => {
    const { entry } = supervised()
    entry.reject(error, undefined, 'one')
    entry.unavailable(new Error('gone'))
    expect(entry.firstCause).toBe(error)
  })
})
