import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ClientAddresses, peerOf } from '../../src/engine/client-address.js'

describe('the client address', () => {
  const addresses = new ClientAddresses(['10.0.0.0/8', '192.168.1.1', '2001:db8::/32'])

  it.each([
    ['of a stranger is its own, whatever it says', '203.0.113.9', '10.1.1.1', '203.0.113.9'],
    ['of a trusted proxy that names nobody is the proxy', '10.0.0.1', undefined, '10.0.0.1'],
    ['is what a trusted proxy says', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['is the first untrusted from the right', '10.0.0.1', '1.1.1.1, 198.51.100.7, 10.2.2.2', '198.51.100.7'],
    [
      'is found behind trusted hops of both families',
      '2001:db8::1',
      '1.2.3.4,2001:db8::9, 192.168.1.1',
      '1.2.3.4',
    ],
    ['is the first that does not parse', '10.0.0.1', '1.1.1.1, unknown, 10.2.2.2', 'unknown'],
    ['does not look past an empty hop', '10.0.0.1', '1.1.1.1, , 10.2.2.2', ''],
    ['of a trusted proxy that names nobody in as many words is the proxy', '10.0.0.1', ' ', '10.0.0.1'],
    ['is the leftmost if all are trusted', '10.0.0.1', '10.9.9.9, 10.3.3.3, 192.168.1.1', '10.9.9.9'],
    ['loses the prefix of a mapped address', '10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['walks past a mapped trusted hop', '10.0.0.1', '198.51.100.7, ::ffff:10.3.3.3', '198.51.100.7'],
    ['is not taken for a neighbour of a trusted one', '192.168.1.2', '1.1.1.1', '192.168.1.2'],
  ])('%s', (_, peer, forwardedFor, client) => {
    expect(addresses.clientOf(peer, forwardedFor)).toBe(client)
  })

  it('is the peer where nobody is trusted', () => {
    expect(new ClientAddresses().clientOf('10.0.0.1', '1.1.1.1')).toBe('10.0.0.1')
    expect(new ClientAddresses([]).trusts('10.0.0.1')).toBe(false)
  })

  it('says whom it trusts', () => {
    expect(
      ['10.255.0.1', '192.168.1.1', '2001:db8::5', '::ffff:10.0.0.1'].map((a) => addresses.trusts(a)),
    ).toEqual([true, true, true, true])
    expect(['11.0.0.1', '192.168.1.2', '', 'unknown'].map((a) => addresses.trusts(a))).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  it('refuses a range that is none, and says which', () => {
    expect(() => new ClientAddresses(['10.0.0.0/8', '10.0.0.0/33'])).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringMatching(/^trustedProxies\[1\]: .*10\.0\.0\.0\/33/),
      }),
    )
  })
})

describe('the peer', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::ffff:1', '::ffff:1'],
    [undefined, ''],
  ])('of a socket from %s is %s', (remoteAddress, peer) => {
    expect(peerOf({ socket: { remoteAddress } } as IncomingMessage)).toBe(peer)
  })
})
