import { describe, expect, it } from 'vitest'
import { matchClientIp } from '../../src/rules/match-client-ip.js'
import { factsOf } from '../support/facts-of.js'

describe('matchClientIp', () => {
  it.each([
    [['10.1.1.0/24'], '10.1.1.7', true],
    [['10.1.1.0/24'], '10.1.2.7', false],
    [['10.1.1.0/24', '2001:db8::/32'], '2001:db8::7', true],
    [['10.1.1.7'], '::ffff:10.1.1.7', true],
    [['::ffff:10.1.1.7'], '10.1.1.7', true],
    [['0.0.0.0/0'], '2001:db8::7', false],
    [['::/0'], '10.1.1.7', false],
    [['0.0.0.0/0', '::/0'], 'unknown', undefined],
    [['0.0.0.0/0', '::/0'], '', undefined],
    [['10.0.0.0/8'], '', undefined],
    [['fe80::/10'], 'fe80::1%eth0', true],
    [['10.0.0.0/8'], 'fe80::1%eth0', false],
  ])('%j and %s: %s', (values, clientAddress, expected) => {
    expect(matchClientIp(values).test(factsOf({ clientAddress }))).toBe(expected)
  })

  it('reports every range that does not parse, with its index and INVALID_RANGE', () => {
    const attempt = () => matchClientIp(['10.0.0.0/33', '10.0.0.0/8', '1/8'])
    expect(attempt).toThrow(
      expect.objectContaining({
        issues: [
          {
            path: '0',
            code: 'INVALID_RANGE',
            message: expect.stringContaining('"10.0.0.0/33" is not an address range'),
          },
          {
            path: '2',
            code: 'INVALID_RANGE',
            message: expect.stringContaining('"1/8" is not an address range'),
          },
        ],
      }),
    )
  })

  it('refuses a mapped range that is wider than all of IPv4, and says what was meant', () => {
    expect(() => matchClientIp(['::ffff:10.0.0.0/8'])).toThrow('write "10.0.0.0/8" or "::ffff:10.0.0.0/104"')
  })

  it('is made once for the ranges of many frontends, and is not taken for one that only looks like it', () => {
    const matcher = matchClientIp(['10.0.0.0/8', '::1'])
    expect(matchClientIp(['10.0.0.0/8', '::1'])).toBe(matcher)
    expect(() => matchClientIp(['10.0.0.0/8","::1'])).toThrow()
    expect(() => matchClientIp(['10.0.0.0/8 ::1'])).toThrow()
  })

  it('gives its ranges to whoever compares two rules', () => {
    expect(matchClientIp(['10.0.0.0/8', '::1']).ranges).toHaveLength(2)
  })
})
