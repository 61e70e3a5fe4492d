import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import type { ProviderConfig } from '../../src/model/config.js'
import { type MergedConfig, mergeConfigs, qualifyConfig, qualifyName } from '../../src/model/merge-configs.js'

function document(backendOfWeb: string): ProviderConfig {
  return {
    frontends: { web: { backend: backendOfWeb, rule: 'Host:www.example.com', priority: 3 } },
    backends: { pool: { servers: { s1: { url: 'http://10.0.0.1' } } } },
  }
}

function qualified(config: ProviderConfig, provider: string, before?: MergedConfig): MergedConfig {
  return runAtOnce(qualifyConfig(config, provider, before))
}

function merged(...configs: MergedConfig[]) {
  return runAtOnce(mergeConfigs(configs))
}

/** How often work gives others a chance before it is done. */
function pausesOf(steps: Generator<void, unknown>): number {
  let pauses = 0
  while (!steps.next().done) pauses += 1
  return pauses
}

describe('qualifyName', () => {
  it.each([
    ['pool', 'file', 'pool@file'],
    ['pool@etcd', 'file', 'pool@etcd'],
    ['a.b/c d', 'file', 'a.b/c d@file'],
  ])('%s of provider %2$s is %3$s', (name, provider, full) => {
    expect(qualifyName(name, provider)).toBe(full)
  })
})

describe('qualifyConfig', () => {
  it('puts the provider behind the names of frontends and backends', () => {
    const { frontends, backends } = qualified(document('pool'), 'file')
    expect([...frontends.keys()]).toEqual(['web@file'])
    expect([...backends.keys()]).toEqual(['pool@file'])
  })

  it('points a frontend at the backend of its own provider, and keeps its other fields', () => {
    expect(qualified(document('pool'), 'file').frontends.get('web@file')).toEqual({
      backend: 'pool@file',
      rule: 'Host:www.example.com',
      priority: 3,
    })
  })

  it("leaves another provider's backend alone", () => {
    expect(qualified(document('pool@etcd'), 'file').frontends.get('web@file')?.backend).toBe('pool@etcd')
  })

  it('keeps backends as the very same objects, and does not change the document', () => {
    const config = document('pool')
    const { backends } = qualified(config, 'file')
    expect(backends.get('pool@file')).toBe(config.backends['pool'])
    expect(config).toEqual(document('pool'))
  })

  it('treats names that reach a prototype elsewhere as plain data', () => {
    const config: ProviderConfig = JSON.parse(
      '{"frontends":{"__proto__":{"backend":"constructor","rule":"Host:a"}},"backends":{"constructor":{"servers":{}}}}',
    )
    const { frontends, backends } = qualified(config, 'file')
    expect(frontends.get('__proto__@file')?.backend).toBe('constructor@file')
    expect(backends.has('constructor@file')).toBe(true)
  })

  it('keeps the very entries that are as they were before, and no other', () => {
    const before = qualified(document('pool'), 'file')
    const again = qualified(structuredClone(document('pool')), 'file', before)
    expect(again.frontends.get('web@file')).toBe(before.frontends.get('web@file'))
    expect(again.backends.get('pool@file')).toBe(before.backends.get('pool@file'))
    const moved = { ...document('pool'), backends: { pool: { servers: {} } } }
    const next = qualified(moved, 'file', before)
    expect(next.frontends.get('web@file')).toBe(before.frontends.get('web@file'))
    expect(next.backends.get('pool@file')).not.toBe(before.backends.get('pool@file'))
  })

  it('pauses at every entry', () => {
    expect(pausesOf(qualifyConfig(document('pool'), 'file'))).toBe(2)
  })
})

describe('mergeConfigs', () => {
  it('lays the entries of all providers side by side, equal names included', () => {
    const { merged: all, issues } = merged(
      qualified(document('pool'), 'file'),
      qualified(document('pool'), 'etcd'),
    )
    expect([...all.frontends.keys()]).toEqual(['web@file', 'web@etcd'])
    expect([...all.backends.keys()]).toEqual(['pool@file', 'pool@etcd'])
    expect(issues).toEqual([])
  })

  it('lets a frontend use a backend of a provider that comes later', () => {
    const { issues } = merged(qualified(document('pool@file'), 'etcd'), qualified(document('pool'), 'file'))
    expect(issues).toEqual([])
  })

  it('keeps every entry as the very same object', () => {
    const one = qualified(document('pool'), 'file')
    const { merged: all } = merged(one, qualified(document('pool'), 'etcd'))
    expect(all.frontends.get('web@file')).toBe(one.frontends.get('web@file'))
    expect(all.backends.get('pool@file')).toBe(one.backends.get('pool@file'))
  })

  it('reports each frontend whose backend no provider has, with its path', () => {
    const { issues } = merged(
      qualified(document('gone@file'), 'etcd'),
      qualified(document('pool@consul'), 'file'),
      qualified(document('pool'), 'static'),
    )
    expect(issues).toEqual([
      {
        path: 'frontends["web@etcd"].backend',
        code: 'MISSING_BACKEND',
        message: 'no provider has a backend "gone@file"',
      },
      {
        path: 'frontends["web@file"].backend',
        code: 'MISSING_BACKEND',
        message: 'no provider has a backend "pool@consul"',
      },
    ])
  })

  it('does not take an inherited name for a backend', () => {
    const { issues } = merged(qualified(document('toString'), 'file'))
    expect(issues).toHaveLength(1)
  })

  it('merges nothing to nothing', () => {
    const { merged: all, issues } = merged()
    expect(all.frontends.size + all.backends.size + issues.length).toBe(0)
  })

  it('pauses at every entry, and again where it checks a frontend', () => {
    const [file, etcd] = [qualified(document('pool'), 'file'), qualified(document('pool'), 'etcd')]
    expect(pausesOf(mergeConfigs([file, etcd]))).toBe(6)
    // One alone is as it is, and only checked.
    expect(pausesOf(mergeConfigs([file]))).toBe(1)
  })
})
