import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  CONNECTION_SCHEMES,
  challengeOf,
  hasCredential,
} from '../../../src/engine/headers/connection-schemes.js'

describe('schemes that authenticate a connection', () => {
  it('are those of docs/authenticated-connections.md', () => {
    const path = fileURLToPath(new URL('../../../docs/authenticated-connections.md', import.meta.url))
    const [list = ''] = readFileSync(path, 'utf8').split('## What is done')
    const told = [...list.matchAll(/^\| `(\w+)` \|/gm)].map(([, scheme]) => scheme?.toLowerCase())
    expect(told).toEqual(CONNECTION_SCHEMES)
  })

  it.each([
    ['NTLM', 'without a token'],
    ['ntlm', 'without a token'],
    ['Negotiate', 'without a token'],
    ['NEGOTIATE', 'without a token'],
    ['Nego2', 'without a token'],
    ['Kerberos', 'without a token'],
    ['CredSSP', 'without a token'],
    ['CredSSP TlRM', 'with a token'],
    ['NTLM TlRMTVNTUAACAAAA', 'with a token'],
    ['Negotiate\toYG2MIGzoAMKAQE=', 'with a token'],
    ['Basic realm="x", NTLM', 'without a token'],
    ['Basic realm="x",NTLM TlRM, Digest realm="y"', 'with a token'],
    ['  ntlm  ', 'without a token'],
    ['Basic realm="x"', undefined],
    ['Bearer', undefined],
    ['Digest realm="NTLM"', undefined],
    ['NTLMv3', undefined],
    ['X-Negotiate', undefined],
    ['', undefined],
  ])('are found in a challenge: %j', (value, expected) => {
    for (const name of ['WWW-Authenticate', 'www-authenticate', 'Proxy-Authenticate', 'PROXY-AUTHENTICATE']) {
      const fields = ['Date', 'x', name, 'Basic', name, value].map((text) => Buffer.from(text, 'latin1'))
      expect(challengeOf(fields)).toBe(expected)
    }
    expect(challengeOf(['X-Authenticate', value])).toBeUndefined()
  })

  it.each([
    ['NTLM TlRMTVNTUAABAAAA', true],
    ['negotiate YIIJvwYGKwYBBQUCoIIJszCC', true],
    ['Negotiate', true],
    ['KERBEROS abc', true],
    ['credssp\tabc', true],
    ['Basic YTpi', false],
    ['Bearer NTLM', false],
    ['', false],
  ])('are found in a credential: %j', (value, expected) => {
    for (const name of ['Authorization', 'authorization', 'Proxy-Authorization'])
      expect(hasCredential(['host', 'a.b', name, 'Basic YTpi', name, value])).toBe(expected)
    expect(hasCredential(['X-Authorization', value])).toBe(false)
  })

  it('are looked for in linear time', () => {
    // A quadratic look at 64 KiB would take seconds each; there are 200.
    const long = [',', ' ', '\t', ', ', 'NTLM', 'NTLM ', ',ntlm\t'].map((piece) =>
      piece.repeat(65_536 / piece.length),
    )
    for (let time = 0; time < 200; time++)
      for (const value of long) challengeOf(['WWW-Authenticate', `x${value}`])
  })
})
