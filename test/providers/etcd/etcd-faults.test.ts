import { describe, expect, it } from 'vitest'
import { describeFault } from '../../../src/providers/etcd/etcd-faults.js'

const ALERT = '80EC:error:0A000412:SSL routines:ssl3_read_bytes'
const FILE = '../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 42\n'

const of = (message: string, tls?: { ca: string; cert?: string; key?: string }) =>
  describeFault(message, {
    connection: { hosts: 'https://10.0.0.1:2379', ...(tls && { tls }) },
    host: 'https://10.0.0.1:2379',
    key: '/alias',
  })

describe('describeFault', () => {
  it.each([
    ['14 UNAVAILABLE: Connection dropped', 'Connection dropped'],
    ['14 UNAVAILABLE: No connection established. Last error: Error: what. Resolution note: ', 'what'],
    ['14 UNAVAILABLE: No connection established. Last error: what (2026-01-02T03:04:05.678Z).', 'what'],
    ['13 INTERNAL: ', '13 INTERNAL: '],
    ['no sign of life within 3000 ms', 'no sign of life within 3000 ms'],
    ['', ''],
  ])('leaves of %j what happened', (message, reason) => {
    expect(of(message)).toBe(reason)
  })

  it.each([
    'sslv3 alert bad certificate',
    'tlsv13 alert certificate required',
    'tlsv1 alert unknown ca',
    'ssl/tls alert certificate expired',
    'sslv3 alert handshake failure',
  ])('knows %s, whether a certificate was sent or not', (words) => {
    const message = `14 UNAVAILABLE: No connection established. Last error: ${ALERT}:${words}:${FILE} (2026-01-02T03:04:05.678Z).`
    expect(of(message, { ca: '' })).toBe(
      `${words}; etcd asks for a client certificate: give tls.cert and tls.key`,
    )
    expect(of(message, { ca: '', cert: 'c', key: 'k' })).toContain(
      `${words}; etcd does not accept the client certificate in tls.cert`,
    )
  })

  it('says who may not read what', () => {
    const denied = '7 PERMISSION_DENIED: etcdserver: permission denied'
    expect(of(denied)).toContain('; a client without auth may not read /alias')
    expect(of(denied, { ca: '', cert: 'c', key: 'k' })).toContain(
      '; the user that tls.cert names may not read',
    )
  })

  it('of a reset by an https host says what may be meant, and of another nothing', () => {
    const reset = '14 UNAVAILABLE: read ECONNRESET'
    const https = { connection: { hosts: 'https://a:1' }, host: 'https://a:1', key: '/alias' }
    const http = { connection: { hosts: 'http://a:1' }, host: 'http://a:1', key: '/alias' }
    expect(describeFault(reset, https)).toBe(
      'read ECONNRESET; if this happens each time, this port does not speak TLS: is it an http host?',
    )
    expect(describeFault(reset, http)).toBe('read ECONNRESET')
  })

  it('of a server that hangs up thinks what fits its host', () => {
    expect(of('14 UNAVAILABLE: Failed to connect')).toContain('asks for a client certificate')
  })
})
