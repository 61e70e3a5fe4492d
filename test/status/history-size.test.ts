import { type ProviderConfig, ProxyEngine } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { History } from '../../src/status/history.js'

/** So many frontends and backends with the longest names that there may be, other ones each time. */
function ofLongNames(round: number, count: number): ProviderConfig {
  const name = (nth: number) => `${round}-${nth}-`.padEnd(1_024, 'n')
  const all = Array.from({ length: count }, (_, nth) => name(nth))
  return {
    version: String(round).padEnd(1_024, 'v'),
    frontends: Object.fromEntries(all.map((one) => [one, { backend: one, rule: 'Path:/' }])),
    backends: Object.fromEntries(all.map((one) => [one, { servers: { s: { url: 'http://127.0.0.1:9' } } }])),
  }
}

describe('the history', () => {
  it('stays small, whatever names its switches have', { timeout: 60_000 }, async () => {
    const engine = new ProxyEngine()
    onTestFinished(() => engine.close())
    const history = new History(engine.events)
    for (let round = 0; round < 60; round++) await engine.apply(ofLongNames(round, 120))
    expect(history.entries).toHaveLength(50)
    const [newest] = history.entries
    expect(newest).toMatchObject({
      changes: { frontends: { added: { count: 120 }, removed: { count: 120 } } },
    })
    // Some nine names of a kilobyte in each of four lists.
    expect(JSON.stringify(history.entries).length).toBeLessThan(50 * 50_000)
    expect(JSON.stringify(newest)).toContain('59-0-n')
  })

  it('names the first hundred where they are short', async () => {
    const engine = new ProxyEngine()
    onTestFinished(() => engine.close())
    const history = new History(engine.events)
    const servers = { s: { url: 'http://127.0.0.1:9' } }
    const backends = Object.fromEntries(Array.from({ length: 120 }, (_, nth) => [`b${nth}`, { servers }]))
    await engine.apply({ frontends: {}, backends })
    const [entry] = history.entries
    const { changes } = entry as unknown as { changes: { backends: { added: { names: string[] } } } }
    expect(changes.backends.added.names).toHaveLength(100)
  })
})
