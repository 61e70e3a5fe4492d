import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { headOf } from '../../../src/engine/client/http1/head-of.js'
import { compileTrust, EntryPointTrust } from '../../../src/engine/headers/peer-trust.js'
import type { RequestHead } from '../../../src/engine/headers/request-head.js'

/** A request whose socket has so much. */
function requestOf(socket: object): RequestHead {
  return headOf({ socket } as unknown as IncomingMessage)
}

// Named as Node names its own.
class Pipe {}
class TCP {}
class TLSWrap {
  readonly _parent: object
  constructor(parent: object) {
    this._parent = parent
  }
}
class JSStream {}
const overTcp = requestOf({ _handle: new TCP(), remoteAddress: '10.0.0.1' })

describe('trust', () => {
  const trust = compileTrust(['10.0.0.0/8', '192.168.1.1', '2001:db8::/32'])

  it.each(['10.255.0.1', '192.168.1.1', '2001:db8::5'])('is put in %s', (peer) => {
    expect(trust.trusts(overTcp, peer)).toBe(true)
    expect(trust.trustsAddress(peer)).toBe(true)
  })

  it.each(['11.0.0.1', '192.168.1.2', '', 'unknown', 'unix'])('is not put in %j', (peer) => {
    expect(trust.trusts(overTcp, peer)).toBe(false)
    expect(trust.trustsAddress(peer)).toBe(false)
  })

  it('is put in nobody where nobody is named', () => {
    for (const nobody of [compileTrust(), compileTrust([])]) {
      expect(nobody.trusts(overTcp, '10.0.0.1')).toBe(false)
      expect(nobody.trustsAddress('10.0.0.1')).toBe(false)
    }
  })

  it.each<[readonly unknown[], RegExp]>([
    [['10.0.0.0/8', '10.0.0.0/33'], /^trustedProxies\[1\]: .*10\.0\.0\.0\/33/],
    [['::ffff:10.0.0.0/8'], /^trustedProxies\[0\]: .*write "10\.0\.0\.0\/8" or "::ffff:10\.0\.0\.0\/104"/],
    [['Unix'], /^trustedProxies\[0\]: expected "unix" in lower case, found "Unix"/],
    [[7], /^trustedProxies\[0\]: expected an address, a range or "unix", found number 7/],
    ...['unx', 'unix:/run/x.sock', '/run/x.sock', './x', 'x.sock', 'uinx'].map(
      (text): [readonly unknown[], RegExp] => [
        [text],
        /^trustedProxies\[0\]: .*; write "unix" to trust all peers on a Unix socket/,
      ],
    ),
    [['localhost'], /^trustedProxies\[0\]: .*found "localhost"$/],
    [['fe80::1%eth0'], /^trustedProxies\[0\]: .*zone/],
  ])('refuses %j, and says which and why', (list, message) => {
    expect(() => compileTrust(list as string[])).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringMatching(message) }),
    )
  })
})

describe("trust in 'unix'", () => {
  const trust = compileTrust(['unix'])

  it('is put in who comes over a Unix socket, over TLS too', () => {
    expect(trust.trusts(requestOf({ _handle: new Pipe() }), '')).toBe(true)
    expect(trust.trusts(requestOf({ _handle: new TLSWrap(new Pipe()) }), '')).toBe(true)
    expect(trust.trustsAddress('')).toBe(false)
  })

  it.each<[string, object]>([
    ['a TCP connection that was reset, whose peer the system no longer knows', { _handle: new TCP() }],
    ['the same over TLS', { _handle: new TLSWrap(new TCP()) }],
    ['a connection that is gone', { _handle: null }],
    ['a stream of the host that is no socket', {}],
    ['a stream of the host as a socket', { _handle: new JSStream() }],
    ['TLS over a stream of the host', { _handle: new TLSWrap(new JSStream()) }],
  ])('is not put in %s', (_, socket) => {
    expect(trust.trusts(requestOf(socket), '')).toBe(false)
  })

  it('is not put in anybody by addresses alone, nor in addresses by it', () => {
    const overUnix = requestOf({ _handle: new Pipe() })
    expect(compileTrust(['0.0.0.0/0', '::/0']).trusts(overUnix, '')).toBe(false)
    expect(trust.trusts(overTcp, '10.0.0.1')).toBe(false)
  })
})

describe('trust of entry points', () => {
  const trust = new EntryPointTrust(['10.0.0.0/8'], {
    web: { trustedProxies: ['192.0.2.0/24'] },
    open: {},
    shut: { trustedProxies: [] },
  })

  it.each<[string | undefined, boolean, boolean]>([
    ['web', false, true],
    ['open', true, false],
    ['shut', false, false],
    ['other', true, false],
    ['__proto__', true, false],
    [undefined, true, false],
  ])('at %s is its own, or that of the whole proxy', (entryPoint, whole, own) => {
    expect(trust.at(entryPoint).trusts(overTcp, '10.0.0.1')).toBe(whole)
    expect(trust.at(entryPoint).trusts(overTcp, '192.0.2.1')).toBe(own)
  })

  it.each<[unknown, RegExp]>([
    [{ web: { tls: {} } }, /there is no option entryPoints\.web\.tls/],
    [
      { web: { trustedProxy: [] } },
      /entryPoints\.web\.trustedProxy; the nearest known one is "trustedProxies"/,
    ],
    [{ web: undefined }, /entryPoints\.web: expected an object with trustedProxies, found nothing/],
    [{ web: ['10.0.0.0/8'] }, /entryPoints\.web: expected an object with trustedProxies, found a list/],
    [{ web: { trustedProxies: '10.0.0.0/8' } }, /entryPoints\.web\.trustedProxies: expected a list/],
    [
      { web: { trustedProxies: ['::1', 'x'] } },
      /entryPoints\.web\.trustedProxies\[1\]: "x" is not an address range/,
    ],
  ])('is refused: %j', (entryPoints, message) => {
    expect(() => new EntryPointTrust([], entryPoints as Record<string, object>)).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringMatching(message) }),
    )
  })
})
