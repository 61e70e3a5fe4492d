import { InMemoryAliasSource } from 'switchover'
import { describe, expect, it } from 'vitest'

function countingBell() {
  return {
    rings: 0,
    changed() {
      this.rings += 1
    },
    unavailable() {},
    recovered() {},
  }
}

describe('InMemoryAliasSource', () => {
  it('rings at once, so that the value it began with is read', async () => {
    const watcher = countingBell()
    await new InMemoryAliasSource('/v1').watch(watcher)
    expect(watcher.rings).toBe(1)
  })

  it('rings at each write, even of the same value, and gives each write a revision of its own', async () => {
    const source = new InMemoryAliasSource('/v1')
    const watcher = countingBell()
    await source.watch(watcher)
    const before = await source.read()
    source.set('/v1')
    const after = await source.read()
    expect(watcher.rings).toBe(2)
    expect(after.value).toBe('/v1')
    expect(after.revision).not.toBe(before.revision)
  })

  it('says the same revision until the next write', async () => {
    const source = new InMemoryAliasSource('/v1')
    expect(await source.read()).toEqual(await source.read())
  })

  it('has no value before the first write and after a deletion', async () => {
    const source = new InMemoryAliasSource()
    expect(await source.read()).not.toHaveProperty('value')
    source.set('/v1')
    expect((await source.read()).value).toBe('/v1')
    source.set(undefined)
    expect(await source.read()).not.toHaveProperty('value')
  })

  it('rings for everyone who watches, and for nobody after its stop', async () => {
    const source = new InMemoryAliasSource('/v1')
    const bells = [countingBell(), countingBell()]
    for (const watcher of bells) await source.watch(watcher)
    source.set('/v2')
    await source.stop()
    source.set('/v3')
    expect(bells.map(({ rings }) => rings)).toEqual([2, 2])
  })
})
