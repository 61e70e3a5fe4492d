import type { Issue, ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../../src/base/run-steps.js'
import { documentOfKeys } from '../../../src/providers/kv/kv-document.js'
import { SupervisedProvider } from '../../../src/providers/supervised-provider.js'

type Keys = Readonly<Record<string, string>>

const refusalOf = (keys: Keys): Partial<ProxyError> => {
  const entries = Object.entries(keys).map(([key, value]) => ({ key, value: Buffer.from(value) }))
  const warnings: Issue[] = []
  try {
    runAtOnce(documentOfKeys(entries, '/traefik', (warning) => void warnings.push(warning)))
  } catch (error) {
    return error as ProxyError
  }
  return { message: 'taken' }
}

describe('keys of a store are counted', () => {
  it.each<[string, Keys, string]>([
    [
      'a list with commas',
      { 'frontends/web/entryPoints': ','.repeat(10_000) },
      '"/traefik/frontends/web/entryPoints": a list of 10001 items; expected at most 10000',
    ],
    [
      'a list of megabytes',
      { 'frontends/web/whiteList/sourceRange': ','.repeat(4_000_000) },
      'a list of 4000001 items; expected at most 10000',
    ],
    [
      'a long key',
      { [`frontends/${'x'.repeat(9_000)}/rule`]: 'a' },
      'the key has 9015 characters; expected at most 8192',
    ],
    [
      'a deep key',
      { [`frontends/${'a/'.repeat(5_000)}b`]: 'a' },
      'the key has 10011 characters; expected at most 8192',
    ],
  ])('%s', (_what, keys, flaw) => {
    const { code, message = '' } = refusalOf(keys)
    expect(code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(message).toContain(flaw)
    expect(message.length).toBeLessThan(300)
  })

  it('and a key of many parts is not told of in full', () => {
    const { issues = [] } = refusalOf({ [`frontends/web/backend/${'a/'.repeat(3_000)}b`]: 'a' })
    expect(issues).toHaveLength(1)
    expect(issues[0]?.path.length).toBeLessThan(200)
  })

  it.each([',,a, b', Array.from({ length: 10_000 }, (_, nth) => `10.0.${nth % 256}.0/24`).join(',')])(
    'and an ordinary list is taken',
    (list) => {
      expect(refusalOf({ 'frontends/web/whiteList/sourceRange': list }).message).toBe('taken')
    },
  )
})

describe('the label of what was refused', () => {
  it('is told in part where it is long', () => {
    const told: { version?: string }[] = []
    const entry = new SupervisedProvider({ name: 'p' } as never, {
      rejected: (event) => void told.push(event),
      unavailable: () => {},
      recovered: () => {},
    })
    entry.reject(new Error('no') as never, 'v'.repeat(2_000_000), 'content')
    entry.reject(new Error('no') as never, 'v'.repeat(1_024), 'other content')
    expect(told.map(({ version }) => version?.length)).toEqual([1_027, 1_024])
  })
})
