import type { IRangeRequest, IRangeResponse } from 'etcd3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { namesBelow, nextSpelling } from '../../../src/providers/etcd/etcd-names.js'

/** Ranges of keys as etcd answers them, in the order of bytes. */
function storeOf(keys: readonly string[]) {
  const sorted = keys.map((key) => Buffer.from(key)).sort(Buffer.compare)
  const asked: (readonly IRangeRequest[])[] = []
  const read = async (requests: readonly IRangeRequest[]) => {
    asked.push(requests)
    return requests.map(({ key, range_end }) => {
      const found = sorted.find(
        (one) => one.compare(key as Buffer) >= 0 && one.compare(range_end as Buffer) < 0,
      )
      return { kvs: found ? [{ key: found }] : [] } as unknown as IRangeResponse
    })
  }
  return { read, asked }
}

const WANTED = ['entrypoints', 'web', 'retry', 'rest', '']

describe('the search for names in any case', () => {
  it.each([
    ['web', '', 'WEB'],
    ['web', 'WEB', 'WEb'],
    ['web', 'WEb', 'WeB'],
    ['web', 'w', 'wEB'],
    ['web', 'web', undefined],
    ['web', 'webs', undefined],
    ['web', 'va', 'wEB'],
    ['web/', 'web-team', 'web/'],
    ['web/', 'web0', undefined],
  ])('of %s, what comes after %j is %j', (target, after, next) => {
    expect(nextSpelling([target], after)).toBe(next)
  })

  it('finds each that stands there, once, whatever stands between', async () => {
    const name = fc.oneof(
      fc.constantFrom(...WANTED).chain((text) => fc.mixedCase(fc.constant(text))),
      fc.constantFrom('dev', 'entry', 'entrypoints-x', 'web-team', 'webs', 'w', 'res', 'Ret', 'é', 'v1'),
    )
    const key = fc.tuple(name, fc.constantFrom('', '/', '/a', '/a/b', '//c')).map(([a, b]) => `/z/${a}${b}`)
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 30 }), async (keys) => {
        const { read } = storeOf([...keys, '/y/web', '/z', '/z0/web', '/za'])
        const there = keys.filter((one) => one.length > 3).map((one) => one.slice(3).split('/')[0] as string)
        const expected = [...new Set(there)].filter((one) => WANTED.includes(one.toLowerCase()))
        // The key that ends with the prefix's slash is a folder's, and no name.
        const found = (await namesBelow(read, '/z/', WANTED, '1')).filter(
          (one) => one !== '' || there.includes(''),
        )
        expect([...found].sort()).toEqual(expected.sort())
      }),
      { numRuns: 500 },
    )
  })

  it('steps over other keys: their number does not matter', async () => {
    const others = Array.from(
      { length: 2_000 },
      (_, at) => `/z/${['rel', 'entry', 'web-', 'Rf'][at % 4]}${at}/a`,
    )
    const { read, asked } = storeOf([...others, '/z/entryPoints/http/address'])
    expect(await namesBelow(read, '/z/', WANTED, '1')).toEqual(['entryPoints'])
    expect(asked.length).toBeLessThan(8)
  })

  it('takes no answer with fewer ranges, or with a key that was not asked for', async () => {
    await expect(namesBelow(async () => [], '/z/', WANTED, '1')).rejects.toThrow('fewer ranges')
    const stranger = { kvs: [{ key: Buffer.from('/other') }] } as unknown as IRangeResponse
    const lie = async (requests: readonly IRangeRequest[]) => requests.map(() => stranger)
    await expect(namesBelow(lie, '/z/', WANTED, '1')).rejects.toThrow('the answer has /other')
  })
})
