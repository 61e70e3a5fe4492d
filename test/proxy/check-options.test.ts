import { createProxy, type Provider, type ProxyOptions } from 'switchover'
import { describe, expect, it } from 'vitest'
import { checkOptions } from '../../src/proxy/check-options.js'

const config = { frontends: {}, backends: {} }

/** What a caller in plain JavaScript may pass. */
function refusalOf(options: Record<string, unknown>): string {
  try {
    checkOptions(options as ProxyOptions)
  } catch (error) {
    expect(error).toMatchObject({ name: 'ProxyError', code: 'PROXY_OPTION_INVALID' })
    return (error as Error).message
  }
  return 'accepted'
}

describe('options', () => {
  it('are accepted, every one that there is', () => {
    const provider: Provider = { name: 'p', start: async () => {}, stop: async () => {} }
    expect(
      refusalOf({
        config,
        providers: [provider],
        trustedProxies: ['10.0.0.0/8', 'unix'],
        entryPoints: { web: { trustedProxies: [] }, other: {} },
        matchers: {},
        strategies: {},
        unsupportedFields: 'warn',
        timeouts: { connectMs: 1, responseHeadMs: 2, bodyIdleMs: 3 },
        retry: { attempts: 1 },
        stickySecret: ['sixteen bytes!!!'],
        signal: new AbortController().signal,
      }),
    ).toBe('accepted')
    expect(refusalOf({ config })).toBe('accepted')
    const most = {
      pipelined: Number.POSITIVE_INFINITY,
      requestsInFlight: 1,
      connectionsPerAddress: undefined,
    }
    expect(refusalOf({ config, limits: { ...most, headBytes: 100.5 } })).toBe('accepted')
    expect(refusalOf({ providers: [provider] })).toBe('accepted')
  })

  it.each<[Record<string, unknown>, RegExp]>([
    [{ config, trustedProxy: [] }, /no option trustedProxy; the nearest known one is "trustedProxies"/],
    [null as never, /createProxy: expected an object of options, found null/],
    [undefined as never, /createProxy: expected an object of options, found undefined/],
    [
      { config, trustedProxies: '10.0.0.0/8' },
      /trustedProxies: expected a list of addresses and ranges, found string/,
    ],
    [{ config, entryPoints: ['web'] }, /entryPoints: expected an object of entry points, found a list/],
    [{ config, retry: null }, /retry: expected an object with attempts and budget, found null/],
    [{ config, timeouts: 5 }, /timeouts: expected an object of milliseconds, found number 5/],
    [{ config, matchers: { Tenant: true } }, /matchers: expected an object of functions/],
    [{ providers: 'x' }, /providers: expected a list of providers/],
    [
      { providers: [{ name: 'p' }] },
      /providers: expected a list of providers, each with a name, start and stop/,
    ],
    [{ config, signal: 'now' }, /signal: expected an AbortSignal/],
    [{ config, provider: [] }, /no option provider; the nearest known one is "providers"/],
    [{ config, zzzzzzzzzz: 1 }, /no option zzzzzzzzzz; there are providers, config, /],
    [{ config, timeouts: { connectMS: 1 } }, /timeouts\.connectMS; the nearest known one is "connectMs"/],
    [{ config, retry: { attempt: 1 } }, /retry\.attempt; the nearest known one is "attempts"/],
    [{}, /expected at least one provider in the option providers, or the option config/],
    [{ providers: [] }, /expected at least one provider in the option providers, or the option config/],
    [{ config, timeouts: { connectMs: 0 } }, /timeouts\.connectMs: expected .* above 0, found 0/],
    [{ config, timeouts: { bodyIdleMs: Number.NaN } }, /timeouts\.bodyIdleMs: .* found NaN/],
    [
      { config, timeouts: { responseHeadMs: Number.NEGATIVE_INFINITY } },
      /timeouts\.responseHeadMs: .* found -Infinity/,
    ],
    [{ config, timeouts: { connectMs: '10' } }, /timeouts\.connectMs: .* found string "10"/],
    [{ config, trustedProxies: '10.0.0.0/8' }, /trustedProxies: expected a list/],
    [{ config, retry: { attempts: 0 } }, /retry\.attempts: expected a whole number of 1 or more, found 0/],
    [{ config, retry: { attempts: 1.5 } }, /retry\.attempts: .* found 1\.5/],
    [
      { config, unsupportedFields: 'ignore' },
      /unsupportedFields: expected "refuse" or "warn", or \{ warn: \[paths\] \}, found string "ignore"/,
    ],
    [
      { config, underscoreHeaders: 'allow' },
      /underscoreHeaders: expected "drop", "refuse" or "keep", found string "allow"/,
    ],
    [{ config, underscoreHeaders: ['drop'] }, /underscoreHeaders: expected .*, found/],
    [
      { config, unsupportedFields: { warn: ['frontends.*.atuh'] } },
      /unsupportedFields\.warn: "frontends\.\*\.atuh" names no field; the nearest known one is "auth"/,
    ],
    [{ config, unsupportedFields: { wran: [] } }, /no option unsupportedFields\.wran; .* is "warn"/],
    ...(['pipelined', 'requestsInFlight', 'connectionsPerAddress'].flatMap((name): [object, RegExp][] => [
      [{ config, limits: { [name]: 0.5 } }, /limits\.\w+: expected a whole number of 1 or more.*found 0\.5/],
      [{ config, limits: { [name]: 1.5 } }, /limits\.\w+: expected a whole number of 1 or more.*found 1\.5/],
      [{ config, limits: { [name]: 0 } }, /limits\.\w+: expected .*, found 0/],
      [{ config, limits: { [name]: '2' } }, /limits\.\w+: expected a whole number.*found string "2"/],
    ]) as [Record<string, unknown>, RegExp][]),
    [
      { config, stickySecret: undefined },
      /stickySecret: expected .*; found nothing; leave it out for cookies without a secret/,
    ],
    [{ config, stickySecret: [undefined] }, /stickySecret: expected .*; found nothing at \[0\]/],
    [{ config, unsupportedFields: { warn: 'tls' } }, /unsupportedFields\.warn: expected a list of paths/],
    [{ config, lingerMs: 5 }, /^there is no option lingerMs; there is limits\.lingerMs$/],
    [{ config, connectMs: 5 }, /^there is no option connectMs; there is timeouts\.connectMs$/],
    [{ config, attempts: 5 }, /^there is no option attempts; there is retry\.attempts$/],
    [{ config, acceptMs: 5 }, /^there is no option acceptMs; there is close\(\{ acceptMs \}\)$/],
    [{ config, drainMs: 5 }, /^there is no option drainMs; there is close\(\{ drainMs \}\)$/],
    [
      { config, limits: { tcpKeepAliveMs: 5 } },
      /^there is no option limits\.tcpKeepAliveMs; there is timeouts\.tcpKeepAliveMs$/,
    ],
    [
      { config, timeouts: { connectionAgeMs: 5 } },
      /^there is no option timeouts\.connectionAgeMs; there is limits\.connectionAgeMs$/,
    ],
    [
      { config, limits: { lingerMS: 5 } },
      /there is no option limits\.lingerMS; the nearest known one is "lingerMs"/,
    ],
  ])('are refused: %j', (options, message) => {
    expect(refusalOf(options)).toMatch(message)
  })

  it('are refused by createProxy before anything else happens', () => {
    const options = { config, trustedProxys: [] } as unknown as ProxyOptions
    expect(() => createProxy(options)).toThrow(/trustedProxys; the nearest known one is "trustedProxies"/)
    expect(() => createProxy({ config, trustedProxies: ['10.0.0.0/33'] })).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining('trustedProxies[0]'),
      }),
    )
    expect(() =>
      createProxy({ config, entryPoints: { web: { tls: {} } } } as unknown as ProxyOptions),
    ).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining('there is no option entryPoints.web.tls'),
      }),
    )
    expect(() =>
      createProxy({ config, entryPoints: { web: { trustedProxies: ['::ffff:10.0.0.0/8'] } } }),
    ).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringContaining('entryPoints.web.trustedProxies[0]'),
      }),
    )
    for (const web of [[], ['unix'], null, 'unix'])
      expect(() => createProxy({ config, entryPoints: { web } } as unknown as ProxyOptions)).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: expect.stringContaining('entryPoints.web: expected an object of options, found '),
        }),
      )
    for (const entry of [1, null])
      expect(() => createProxy({ config, trustedProxies: [entry] } as unknown as ProxyOptions)).toThrow(
        /^trustedProxies\[0\]: expected an address, a range or "unix", found (number 1|null)$/,
      )
    expect(() => createProxy({ config, matchers: { Host: () => () => true } })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
    )
    expect(() => createProxy({ config, strategies: { wrr: () => () => undefined } })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }),
    )
  })
})
