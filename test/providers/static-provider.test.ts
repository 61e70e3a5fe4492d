import { createProxy, type ProviderConfig, StaticProvider } from 'switchover'
import { describe, expect, it } from 'vitest'
import { RecordingSink } from '../support/recording-sink.js'

function document(version: string): ProviderConfig {
  return {
    version,
    frontends: { web: { backend: 'web', rule: 'Host:www.baidu.com' } },
    backends: { web: { servers: { only: { url: `http://127.0.0.1:9/${version}` } } } },
  }
}

describe('StaticProvider', () => {
  it('is named static unless it is told another name', () => {
    expect(new StaticProvider({ config: document('v1') }).name).toBe('static')
    expect(new StaticProvider({ config: document('v1'), name: 'fallback' }).name).toBe('fallback')
  })

  it('delivers what it was made with', async () => {
    const sink = new RecordingSink()
    await new StaticProvider({ config: document('v1') }).start(sink)
    expect(sink.versions).toEqual(['v1'])
  })

  it('delivers what an update before the start put in its place, and only that', async () => {
    const provider = new StaticProvider({ config: document('v1') })
    expect(await provider.update(document('v2'))).toBeUndefined()
    const sink = new RecordingSink()
    await provider.start(sink)
    expect(sink.versions).toEqual(['v2'])
  })

  it('says what became of an update', async () => {
    const provider = new StaticProvider({ config: document('v1') })
    const sink = new RecordingSink()
    await provider.start(sink)
    expect(await provider.update(document('v2'))).toEqual({ state: 'live', generation: 2 })
    const issues = [{ path: 'frontends', code: 'EMPTY' as const, message: 'none' }]
    sink.answer = () => ({ state: 'refused', issues })
    expect(await provider.update(document('v3'))).toEqual({ state: 'refused', issues })
  })

  it('delivers nothing after its stop', async () => {
    const provider = new StaticProvider({ config: document('v1') })
    const sink = new RecordingSink()
    await provider.start(sink)
    await provider.stop()
    expect(await provider.update(document('v2'))).toBeUndefined()
    expect(sink.versions).toEqual(['v1'])
  })

  it('may be emptied, for who writes an empty configuration into a program means it', async () => {
    const provider = new StaticProvider({ config: document('v1') })
    const proxy = createProxy({ providers: [provider] })
    await proxy.ready()
    expect(await provider.update({ frontends: {}, backends: {} })).toEqual({ state: 'live', generation: 2 })
    const { winner } = proxy.explain({ host: 'www.baidu.com', path: '/', clientAddress: '127.0.0.1' })
    expect(winner).toBeUndefined()
    await proxy.close()
  })
})
