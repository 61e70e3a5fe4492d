import type { ConfigSink, Provider, ProviderConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { ReplaceableProvider } from '../../src/static-config/replaceable-provider.js'
import { RecordingSink } from '../support/recording-sink.js'

const version = (name: string): ProviderConfig => ({ version: name, frontends: {}, backends: {} })

/** A provider that says what the test says. */
class Scripted implements Provider {
  readonly name = 'scripted'
  readonly throttleMs: number
  sink: ConfigSink | undefined
  isStopped = false
  onStart: () => void = () => {}
  onStop: () => Promise<void> = async () => {}

  constructor(throttleMs = 0) {
    this.throttleMs = throttleMs
  }

  async start(sink: ConfigSink): Promise<void> {
    this.sink = sink
    this.onStart()
  }

  async stop(): Promise<void> {
    this.isStopped = true
    await this.onStop()
  }
}

async function started() {
  const first = new Scripted(1)
  const provider = new ReplaceableProvider(first)
  const sink = new RecordingSink()
  await provider.start(sink)
  return { first, provider, sink }
}

describe('a provider that can be replaced', () => {
  it('delivers what the new one says, and drops what the one before says late', async () => {
    const { first, provider, sink } = await started()
    await first.sink?.update(version('one'))
    const second = new Scripted(2)
    expect(provider.throttleMs).toBe(1)
    await provider.replaceBy(new ReplaceableProvider(second))
    expect(provider.throttleMs).toBe(2)
    expect(first.isStopped).toBe(true)
    expect(await first.sink?.update(version('late'))).toEqual({ state: 'superseded' })
    first.sink?.unavailable(new Error('late'))
    first.sink?.reject(new Error('late') as never)
    first.sink?.recovered()
    expect(await second.sink?.update(version('two'))).toMatchObject({ state: 'live' })
    expect(sink.said.map(({ what }) => what)).toEqual(['update', 'update'])
    expect(sink.versions).toEqual(['one', 'two'])
  })

  it('ends the outage of the one before when the new one delivers', async () => {
    const { first, provider, sink } = await started()
    first.sink?.unavailable(new Error('down'))
    const second = new Scripted()
    await provider.replaceBy(new ReplaceableProvider(second))
    expect(sink.isUnavailable).toBe(true)
    await second.sink?.update(version('two'))
    expect(sink.said.map(({ what }) => what)).toEqual(['unavailable', 'recovered', 'update'])
  })

  it('tells of one that cannot start, and may be replaced again', async () => {
    const { provider, sink } = await started()
    const second = new Scripted()
    second.onStart = () => {
      throw new Error('no start')
    }
    await provider.replaceBy(new ReplaceableProvider(second))
    expect(sink.of('unavailable').map(({ error }) => error.message)).toEqual(['no start'])
    const third = new Scripted()
    await provider.replaceBy(new ReplaceableProvider(third))
    await third.sink?.update(version('three'))
    expect(sink.versions).toEqual(['three'])
    expect(sink.isUnavailable).toBe(false)
  })

  it('replaces one after the other, whatever the ends of those before', async () => {
    const { first, provider, sink } = await started()
    first.onStop = () => Promise.reject(new Error('no end'))
    const [second, third] = [new Scripted(), new Scripted()]
    await Promise.all([
      provider.replaceBy(new ReplaceableProvider(second)),
      provider.replaceBy(new ReplaceableProvider(third)),
    ])
    expect(second.isStopped).toBe(true)
    await second.sink?.update(version('two'))
    await third.sink?.update(version('three'))
    expect(sink.versions).toEqual(['three'])
  })

  it('starts the new one in the first place, if it was not started yet', async () => {
    const [first, second] = [new Scripted(), new Scripted()]
    const provider = new ReplaceableProvider(first)
    await provider.replaceBy(new ReplaceableProvider(second))
    const sink = new RecordingSink()
    await provider.start(sink)
    await second.sink?.update(version('two'))
    expect([first.sink, first.isStopped, sink.versions]).toEqual([undefined, false, ['two']])
  })

  it('starts nothing once it is stopped, before or meanwhile', async () => {
    const { first, provider, sink } = await started()
    let letGo = () => {}
    first.onStop = () =>
      new Promise((resolve) => {
        letGo = resolve
      })
    const second = new Scripted()
    const replacing = provider.replaceBy(new ReplaceableProvider(second))
    await Promise.resolve()
    first.onStop = async () => {}
    await provider.stop()
    letGo()
    await replacing
    const third = new Scripted()
    await provider.replaceBy(new ReplaceableProvider(third))
    expect([second.sink, third.sink]).toEqual([undefined, undefined])
    await first.sink?.update(version('late'))
    expect(sink.said).toEqual([])
  })
})
