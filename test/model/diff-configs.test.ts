import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import type { Backend, Frontend } from '../../src/model/config.js'
import { type ConfigDiff, diffConfigs, isSame } from '../../src/model/diff-configs.js'
import type { MergedConfig } from '../../src/model/merge-configs.js'

const NOTHING = { added: [], removed: [], changed: [] }

function config(
  frontends: Readonly<Record<string, Frontend>>,
  backends: Readonly<Record<string, Backend>>,
): MergedConfig {
  return { frontends: new Map(Object.entries(frontends)), backends: new Map(Object.entries(backends)) }
}

function frontend(rule: string): Frontend {
  return { backend: 'pool@file', rule }
}

function backend(url: string, weight = 1): Backend {
  return { servers: { s1: { url, weight } } }
}

function diff(before: MergedConfig | undefined, after: MergedConfig): ConfigDiff {
  return runAtOnce(diffConfigs(before, after))
}

describe('diffConfigs', () => {
  it('calls everything added where there was no configuration before', () => {
    const after = config({ a: frontend('Host:a'), b: frontend('Host:b') }, { pool: backend('http://h') })
    expect(diff(undefined, after)).toEqual({
      frontends: { added: ['a', 'b'], removed: [], changed: [] },
      backends: { added: ['pool'], removed: [], changed: [] },
    })
  })

  it('tells added, removed and changed apart, frontends and backends on their own', () => {
    const same = frontend('Host:same')
    const before = config(
      { gone: frontend('Host:gone'), same, other: frontend('Host:x') },
      { gone: backend('http://gone'), other: backend('http://h', 1) },
    )
    const after = config(
      { same, other: frontend('Host:y'), fresh: frontend('Host:fresh') },
      { other: backend('http://h', 2), fresh: backend('http://fresh') },
    )
    expect(diff(before, after)).toEqual({
      frontends: { added: ['fresh'], removed: ['gone'], changed: ['other'] },
      backends: { added: ['fresh'], removed: ['gone'], changed: ['other'] },
    })
  })

  it.each<[string, Frontend, Frontend]>([
    ['a priority', { ...frontend('Host:a'), priority: 1 }, { ...frontend('Host:a'), priority: 2 }],
    ['a field that came', frontend('Host:a'), { ...frontend('Host:a'), passHostHeader: false }],
    [
      'the order of entry points',
      { ...frontend('Host:a'), entryPoints: ['x', 'y'] },
      { ...frontend('Host:a'), entryPoints: ['y', 'x'] },
    ],
    [
      'a value deep in a data rule',
      { backend: 'b', rule: { host: 'a', clientIp: ['10.0.0.0/8'] } },
      { backend: 'b', rule: { host: 'a', clientIp: ['10.0.0.0/9'] } },
    ],
  ])('sees a change of %s', (_what, old, now) => {
    expect(diff(config({ f: old }, {}), config({ f: now }, {})).frontends.changed).toEqual(['f'])
  })

  it('does not look into entries that are the same object', () => {
    const locked: Backend = {
      get servers(): never {
        throw new Error('looked into')
      },
    }
    expect(diff(config({}, { b: locked }), config({}, { b: locked })).backends).toEqual(NOTHING)
  })

  it('pauses at every entry of both sides', () => {
    const one = config({ a: frontend('Host:a') }, { b: backend('http://h') })
    const steps = diffConfigs(one, one)
    let pauses = 0
    while (!steps.next().done) pauses += 1
    expect(pauses).toBe(4)
  })
})

describe('isSame', () => {
  it('holds if nothing was added, removed or changed', () => {
    expect(isSame({ frontends: NOTHING, backends: NOTHING })).toBe(true)
  })

  it.each(['added', 'removed', 'changed'] as const)(
    'does not hold if a frontend or backend was %s',
    (kind) => {
      const some = { ...NOTHING, [kind]: ['x'] }
      expect(isSame({ frontends: some, backends: NOTHING })).toBe(false)
      expect(isSame({ frontends: NOTHING, backends: some })).toBe(false)
    },
  )
})
