import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { headOf } from '../../../src/engine/client/http1/head-of.js'
import { addressInElement, clientOf, peerOf } from '../../../src/engine/headers/client-address.js'
import { compileTrust, type PeerTrust } from '../../../src/engine/headers/peer-trust.js'

const trust = compileTrust(['10.0.0.0/8', '192.168.1.1', '2001:db8::/32', 'fe80::/10'])

describe('the client behind a trusted proxy', () => {
  it.each([
    ['is the proxy that names nobody', '10.0.0.1', undefined, '10.0.0.1'],
    ['is the proxy that names nobody in as many words', '10.0.0.1', ' ', '10.0.0.1'],
    ['is the proxy whose chain is empty', '10.0.0.1', '', '10.0.0.1'],
    ['is the proxy that names empty elements alone', '10.0.0.1', ', ,,\t,', '10.0.0.1'],
    ['is what the proxy says', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['is the first untrusted from the right', '10.0.0.1', '1.1.1.1, 198.51.100.7, 10.2.2.2', '198.51.100.7'],
    [
      'stands behind trusted hops of both families',
      '2001:db8::1',
      '1.2.3.4,2001:db8::9, 10.1.1.1',
      '1.2.3.4',
    ],
    ['is the leftmost if all are trusted', '10.0.0.1', '10.9.9.9, 10.3.3.3, 192.168.1.1', '10.9.9.9'],
    ['is named behind empty elements', '10.0.0.1', '1.1.1.1, , 10.2.2.2,, ,', '1.1.1.1'],
    ['is the leftmost that is not empty', '10.0.0.1', ',,10.9.9.9,', '10.9.9.9'],
    ['loses the prefix of a mapped address', '10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7'],
    ['loses that in hexadecimal too', '10.0.0.1', '::FFFF:c633:6407', '198.51.100.7'],
    ['stands behind a mapped trusted hop', '10.0.0.1', '198.51.100.7, ::ffff:10.3.3.3', '198.51.100.7'],
    ['loses its port', '10.0.0.1', '203.0.113.7:41234', '203.0.113.7'],
    ['loses brackets', '10.0.0.1', '[2001:470::1]', '2001:470::1'],
    ['loses brackets and port', '10.0.0.1', '[2001:470::1]:443', '2001:470::1'],
    ['stands behind a trusted hop with a port', '10.0.0.1', '203.0.113.7, 10.4.4.4:80', '203.0.113.7'],
    ['stands behind one in brackets', '10.0.0.1', '203.0.113.7, [2001:db8::7]:80', '203.0.113.7'],
    ['loses its zone', '10.0.0.1', '2001:470::1%eth0', '2001:470::1'],
    ['stands behind a hop with a zone', '10.0.0.1', '203.0.113.7, fe80::1%eth0', '203.0.113.7'],
    [
      'stands behind one with a zone in brackets',
      '10.0.0.1',
      '203.0.113.7, [fe80::1%25eth0]:1',
      '203.0.113.7',
    ],
    ['is written in small letters, and short', '10.0.0.1', '2001:0470:0:0:0:0:00AB:1', '2001:470::ab:1'],
    // None of these is an address: its writer does not say who asked.
    ['has none if it is unknown', '10.0.0.1', '1.1.1.1, unknown, 10.2.2.2', ''],
    ['has none if it is unknown and alone', '10.0.0.1', 'unknown', ''],
    ['has none if it is hidden', '10.0.0.1', '_x', ''],
    ['has none if it is rubbish', '10.0.0.1', '1.1.1.1, <script>', ''],
    ['has none if a trusted hop hides it', '10.0.0.1', '1.1.1.1, _hidden, 10.2.2.2', ''],
    ['has none with a port beyond all', '10.0.0.1', '203.0.113.7:65536', ''],
    ['has none with a port of six digits', '10.0.0.1', '203.0.113.7:000080', ''],
    ['has none with a port that is no number', '10.0.0.1', '203.0.113.7:http', ''],
    ['has none with a port of RFC 7239', '10.0.0.1', '203.0.113.7:_x', ''],
    ['has none with an empty port', '10.0.0.1', '203.0.113.7:', ''],
    ['has none with an open bracket', '10.0.0.1', '[2001:470::1', ''],
    ['has none with a closing bracket alone', '10.0.0.1', '2001:470::1]', ''],
    ['has none with something behind the bracket', '10.0.0.1', '[2001:470::1]x', ''],
    ['has none in quotes', '10.0.0.1', '"[2001:470::1]"', ''],
    ['has none with a blank within', '10.0.0.1', '203.0.113.7 80', ''],
    ['has none behind the byte 0xA0, which is no blank', '10.0.0.1', '\xa0203.0.113.7', ''],
    ['has none with leading zeros', '10.0.0.1', '010.0.0.1', ''],
    ['has none in short form', '10.0.0.1', '127.1', ''],
    ['has none as a number', '10.0.0.1', '2130706433', ''],
    ['has none with an empty zone', '10.0.0.1', 'fe80::1%', ''],
    ['has none as IPv4 with a zone', '10.0.0.1', '203.0.113.7%eth0', ''],
    ['has none as a range', '10.0.0.1', '203.0.113.0/24', ''],
    ['has none as a name', '10.0.0.1', 'client.test', ''],
    ['has none if it is the element of a field that is not this one', '10.0.0.1', 'for=203.0.113.7', ''],
    ['has none if it is very long', '10.0.0.1', '1'.repeat(100_000), ''],
  ])('%s', (_, peer, forwardedFor, client) => {
    expect(clientOf(peer, forwardedFor, trust)).toBe(client)
  })

  it('is looked for in time that grows with the chain alone', () => {
    let asked = 0
    const counting: PeerTrust = {
      trusts: () => true,
      trustsAddress: () => {
        asked += 1
        return true
      },
    }
    const hops = Array.from({ length: 50_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
    expect(clientOf('10.0.0.1', hops.join(','), counting)).toBe('10.0.0.0')
    expect(asked).toBe(50_000)
    asked = 0
    expect(clientOf('10.0.0.1', `1.1.1.1${' ,'.repeat(500_000)}`, counting)).toBe('1.1.1.1')
    expect(asked).toBe(1)
  }, 60_000)
})

describe('an element of X-Forwarded-For', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['[203.0.113.7]:80', '203.0.113.7'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8::1:443', '2001:db8::1:443'],
    ['::', '::'],
    ['unknown', undefined],
    ['', undefined],
    ['[]', undefined],
    ['[]:80', undefined],
    [':80', undefined],
  ])('%j: %s', (element, address) => {
    expect(addressInElement(element)).toBe(address)
  })
})

describe('the peer', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::ffff:1', '::ffff:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%eth0.100@if3', 'fe80::1'],
    ['::ffff:10.0.0.1%eth0', '10.0.0.1'],
    [undefined, ''],
  ])('of a socket from %s is %s', (remoteAddress, peer) => {
    expect(peerOf(headOf({ socket: { remoteAddress } } as IncomingMessage))).toBe(peer)
  })
})
