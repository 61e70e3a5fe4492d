import type { Provider } from 'switchover'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RecordingSink } from '../support/recording-sink.js'

/** A provider's source, and how to make providers that follow it. */
export interface ProviderHarness {
  /** Another provider that follows the source; not started. */
  make(): Provider
  /** The label of what the source says at present. */
  readonly version: string
  /** Makes the source say something new, and resolves to its label. */
  change(): Promise<string>
  /** How to break the source so that it cannot be reached, and how to mend it; none if it cannot break. */
  readonly outage?: { break(): Promise<void>; mend(): Promise<void> }
  /** Ends the source. */
  close(): Promise<void>
}

export interface ProviderContractOptions {
  /** Why the source cannot break, where it cannot. */
  readonly unbreakable?: string
}

/** What every provider owes to the proxy that runs it. */
export function describeProviderContract(
  name: string,
  makeHarness: () => Promise<ProviderHarness>,
  { unbreakable }: ProviderContractOptions = {},
): void {
  describe(`${name}, as a provider,`, () => {
    let harness: ProviderHarness
    let made: Provider[]

    beforeEach(async () => {
      made = []
      harness = await makeHarness()
    })

    afterEach(async () => {
      await Promise.all(made.map((provider) => provider.stop()))
      await harness.close()
    })

    function make(): Provider {
      const provider = harness.make()
      made.push(provider)
      return provider
    }

    async function start(): Promise<{ provider: Provider; sink: RecordingSink }> {
      const provider = make()
      const sink = new RecordingSink()
      await provider.start(sink)
      return { provider, sink }
    }

    const until = (sink: RecordingSink, version: string) =>
      sink.until(`${version} is delivered`, ({ versions }) => versions.at(-1) === version)

    /** When another provider has got the news, this one had every chance to. */
    async function witness(version: string): Promise<void> {
      const { sink } = await start()
      await until(sink, version)
    }

    it('has a name without @', () => {
      expect(make().name).toMatch(/^[^@]+$/)
    })

    it('delivers the present state after its start', async () => {
      const { sink } = await start()
      await until(sink, harness.version)
      expect(sink.versions).toEqual([harness.version])
      const [delivered] = sink.of('update')
      expect(delivered?.config).toMatchObject({ frontends: {}, backends: {} })
    })

    it('delivers a change once', async () => {
      const first = harness.version
      const { sink } = await start()
      await until(sink, first)
      const second = await harness.change()
      await until(sink, second)
      const third = await harness.change()
      await until(sink, third)
      await witness(third)
      expect(sink.versions).toEqual([first, second, third])
    })

    it('ends on the last of many changes, and delivers none after a newer one', async () => {
      const { sink } = await start()
      await until(sink, harness.version)
      const order = [harness.version]
      for (let change = 0; change < 10; change++) order.push(await harness.change())
      await until(sink, harness.version)
      await witness(harness.version)
      const places = sink.versions.map((version) => order.indexOf(version ?? ''))
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b))
      expect(sink.versions.at(-1)).toBe(harness.version)
    })

    it('says nothing but what it delivers while all is well', async () => {
      const { sink } = await start()
      await until(sink, harness.version)
      await until(sink, await harness.change())
      expect(new Set(sink.said.map(({ what }) => what))).toEqual(new Set(['update']))
    })

    it('says nothing after its stop', async () => {
      const { provider, sink } = await start()
      await until(sink, harness.version)
      await provider.stop()
      const { length } = sink.said
      await witness(await harness.change())
      expect(sink.said).toHaveLength(length)
    })

    it('may be stopped before it was started', async () => {
      const provider = make()
      await provider.stop()
      await witness(harness.version)
    })

    it('may be stopped twice, one after the other and at once', async () => {
      const { provider, sink } = await start()
      await until(sink, harness.version)
      await Promise.all([provider.stop(), provider.stop()])
      await provider.stop()
      const { length } = sink.said
      await witness(await harness.change())
      expect(sink.said).toHaveLength(length)
    })

    it('may be stopped during its start, and says nothing after that', async () => {
      const provider = make()
      const sink = new RecordingSink()
      const starting = provider.start(sink)
      const stopping = provider.stop()
      await Promise.all([starting, stopping])
      const { length } = sink.said
      await witness(await harness.change())
      expect(sink.said).toHaveLength(length)
    })

    it('leaves others that follow the same source alone when it stops', async () => {
      const [one, other] = [await start(), await start()]
      await until(other.sink, harness.version)
      await one.provider.stop()
      await until(other.sink, await harness.change())
    })

    if (unbreakable !== undefined) {
      it(`never has trouble to report: ${unbreakable}`, async () => {
        expect(harness.outage).toBeUndefined()
        const { sink } = await start()
        await until(sink, await harness.change())
        expect(sink.of('unavailable')).toEqual([])
      })
      return
    }

    function outage(): NonNullable<ProviderHarness['outage']> {
      if (!harness.outage) throw new Error('expected a harness with an outage, or a reason why it has none')
      return harness.outage
    }

    const troubled = (sink: RecordingSink) =>
      sink.until('trouble is reported', ({ isUnavailable }) => isUnavailable)
    const well = (sink: RecordingSink) =>
      sink.until('recovery is reported', ({ isUnavailable }) => !isUnavailable, 30_000)

    it('starts though its source is down, reports that once, and needs no help when it comes up', async () => {
      await outage().break()
      const { sink } = await start()
      await troubled(sink)
      // The second attempt fails too: an outage is more than one failure, and still one outage.
      await sink.until('it is tried again', ({ said }) => said.length >= 2)
      expect(sink.versions).toEqual([])
      await outage().mend()
      await until(sink, harness.version)
      await well(sink)
      expect(sink.outages).toBe(1)
      expect(sink.of('reject')).toEqual([])
    })

    it('reports an outage once, delivers nothing meanwhile, and needs no help to catch up', async () => {
      const { sink } = await start()
      await until(sink, harness.version)
      const before = sink.versions
      await outage().break()
      await troubled(sink)
      await sink.until('it is tried again', ({ said }) => said.length >= before.length + 2)
      expect(sink.versions).toEqual(before)
      await outage().mend()
      const missed = await harness.change()
      await until(sink, missed)
      await well(sink)
      expect(sink.outages).toBe(1)
      expect(sink.of('recovered')).toHaveLength(1)
    })

    it('reports the next outage again', async () => {
      const { sink } = await start()
      await until(sink, harness.version)
      for (const nth of [1, 2]) {
        await outage().break()
        await troubled(sink)
        await outage().mend()
        await well(sink)
        await until(sink, await harness.change())
        expect(sink.outages).toBe(nth)
      }
    })

    it('may be stopped while its source is down', async () => {
      await outage().break()
      const { provider, sink } = await start()
      await troubled(sink)
      await provider.stop()
      const { length } = sink.said
      await outage().mend()
      await witness(harness.version)
      expect(sink.said).toHaveLength(length)
    })
  })
}
