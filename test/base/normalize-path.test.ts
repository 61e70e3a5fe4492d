import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalizePath } from '../../src/base/normalize-path.js'
import { cpuMsOf } from '../support/cpu-time.js'

describe('normalizePath', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/.', '/'],
    ['/..', '/'],
    ['/./a', '/a'],
    ['/a/.', '/a/'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/./b/../c', '/a/c'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/a/../../b', '/b'],
  ])('resolves the dot segments of %s to %s', (path, normal) => {
    expect(normalizePath(path)).toBe(normal)
  })

  it.each([
    ['/a/%2e/b', '/a/b'],
    ['/a/%2E%2e/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a/%2E./b', '/b'],
    ['/public/%2e%2e/admin', '/admin'],
    ['/%2e', '/'],
  ])('resolves the encoded dot segments of %s to %s', (path, normal) => {
    expect(normalizePath(path)).toBe(normal)
  })

  it.each([
    ['/%61%62', '/ab'],
    ['/%7Euser', '/~user'],
    ['/%7euser', '/~user'],
    ['/a%2Db%5Fc%2E', '/a-b_c.'],
    ['/%30', '/0'],
  ])('decodes the unreserved characters of %s to %s', (path, normal) => {
    expect(normalizePath(path)).toBe(normal)
  })

  it.each([
    ['an encoded slash', '/a%2Fb'],
    ['dots before an encoded slash', '/a/..%2Fb'],
    ['an encoded percent sign', '/%252e%252e/a'],
    ['an encoded blank', '/a%20b'],
    ['encoded bytes beyond ASCII', '/%C3%A9%FF'],
    ['an encoded zero', '/%00'],
    ['empty segments', '//a///b//'],
    ['path parameters', '/a;v=1/b;/..;/c'],
    ['segments that only begin with dots', '/.well-known/...//..a/.b'],
    ['a trailing slash', '/a/'],
    ['reserved characters', "/!$&'()*+,;=:@"],
    ['a stray percent sign', '/100%'],
    ['an escape that is none', '/%zz/%2/%'],
  ])('keeps %s byte for byte', (_what, path) => {
    expect(normalizePath(path)).toBe(path)
  })

  it.each([
    ['/a//../b', '/a/b'],
    ['/a///..', '/a//'],
    ['//..', '/'],
  ])('takes an empty segment of %s for a segment, which ".." removes', (path, normal) => {
    expect(normalizePath(path)).toBe(normal)
  })

  it.each([['/public/%2%65%2%65/admin'], ['/public/%%32e%%32e/admin'], ['/%%34'], ['/%2%2%65']])(
    'makes no new escape out of the malformed one in %s',
    (path) => {
      expect(normalizePath(path)).toBe(path)
      expect(normalizePath('/%%34%31')).not.toContain('%41')
    },
  )

  const path = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '/',
          '/',
          '.',
          '..',
          '%2e',
          '%2E',
          '%',
          '%2',
          '%%32',
          '%65',
          '%41',
          '%2F',
          '%25',
          ';',
          '//',
        ),
        fc.stringMatching(/^[!-~]{0,4}$/),
      ),
      { maxLength: 14 },
    )
    .map((parts) => `/${parts.join('')}`)

  it('is the same when applied twice', () => {
    fc.assert(
      fc.property(path, (sent) => {
        const once = normalizePath(sent)
        expect(normalizePath(once)).toBe(once)
      }),
      { numRuns: 2000 },
    )
  })

  it('never yields a dot segment, written or encoded, and always begins with a slash', () => {
    fc.assert(
      fc.property(path, (sent) => {
        const normal = normalizePath(sent)
        expect(normal).toMatch(/^\//)
        for (const segment of normal.split('/')) expect(segment).not.toMatch(/^(\.|%2e){1,2}$/i)
      }),
      { numRuns: 2000 },
    )
  })

  it('never yields an escaped unreserved character that stood alone', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 8 }), (bytes) => {
        const sent = `/${bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`
        expect(normalizePath(sent)).not.toMatch(/%(2[de]|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\dae])/i)
      }),
    )
  })

  it('takes little time for long hostile paths', () => {
    const hostile = [
      `/${'%2'.repeat(50_000)}65`,
      `/${'%'.repeat(100_000)}`,
      '/..'.repeat(50_000),
      '/%2e'.repeat(50_000),
    ]
    const ms = cpuMsOf(() => hostile.forEach((each) => void normalizePath(each)))
    expect(ms).toBeLessThan(5_000)
  })
})

it('writes the digits of escapes that stay in capitals: of one escape there is one spelling', () => {
  expect(normalizePath('/a%2fb%c3%A9')).toBe('/a%2Fb%C3%A9')
})
