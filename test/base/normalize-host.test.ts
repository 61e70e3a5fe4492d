import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostOf } from '../../src/base/normalize-host.js'

describe('hostOf', () => {
  it.each([
    ['www.example.com', 'www.example.com'],
    ['WWW.Example.COM', 'www.example.com'],
    ['www.example.com:8080', 'www.example.com'],
    ['www.example.com:', 'www.example.com'],
    ['www.example.com.', 'www.example.com'],
    ['www.example.com.:443', 'www.example.com'],
    ['10.0.0.1:80', '10.0.0.1'],
    ['[::1]', '[::1]'],
    ['[2001:DB8::1]:8080', '[2001:db8::1]'],
    ['[2001:db8:0:0::1]', '[2001:db8::1]'],
    ['', ''],
    [':80', ''],
  ])('of %j is %j', (authority, host) => {
    expect(hostOf(authority)).toBe(host)
  })

  it('is the same when applied twice, whatever the name and port', () => {
    const name = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
    )
    fc.assert(
      fc.property(name, fc.constantFrom('', '.', ':80', '.:80', ':'), (host, tail) => {
        const once = hostOf(`${host}${host.startsWith('[') ? tail.replace('.', '') : tail}`)
        if (!host.startsWith('[')) expect(once).toBe(host.toLowerCase())
        expect(hostOf(once)).toBe(once)
      }),
    )
  })
})
