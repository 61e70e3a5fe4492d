import type { LookupFunction } from 'node:net'
import { ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startNamed } from '../support/live-engine.js'

type Answer = Parameters<LookupFunction>[2]

/** What `dns.resolve4` and libraries on top of it say: codes of c-ares, which no connection ever fails with. */
const cares = (code: string) =>
  Object.assign(new Error(`queryA ${code} name.test`), { code, syscall: 'queryA' })

const FAILURES: readonly (readonly [string, (callback: Answer) => unknown])[] = [
  ['an error without a code', (callback) => callback(new Error('nothing there'), [])],
  ['an error of c-ares: no data', (callback) => callback(cares('ENODATA'), [])],
  ['an error of c-ares: the DNS server failed', (callback) => callback(cares('ESERVFAIL'), [])],
  ['an error of c-ares: no answer in time', (callback) => callback(cares('ETIMEOUT'), [])],
  ['no address', (callback) => callback(null, [])],
  ['what is no address', (callback) => callback(null, [{ address: 'name.test', family: 4 }])],
  [
    'an error that it throws',
    () => {
      throw new Error('thrown')
    },
  ],
  ['a promise that rejects', () => Promise.reject(new Error('rejected'))],
]

/** Both servers of a backend stand behind names; one name is not found. */
function lookupThat(answer: (callback: Answer) => unknown, known?: string): LookupFunction {
  return ((hostname, _options, callback) =>
    hostname === known
      ? callback(null, [{ address: '127.0.0.1', family: 4 }])
      : answer(callback)) as LookupFunction
}

describe('a name for which the option lookup has', () => {
  it.each(FAILURES)(
    '%s: the response is 502 PROXY_CONNECT_FAILED, and the event names the host',
    async (_, answer) => {
      const { engine, port } = await startEngine(routeTo('http://name.test:1'), {
        lookup: lookupThat(answer),
      })
      const errors: ProxyError[] = []
      engine.events.on('requestFailed', ({ error }) => errors.push(error))
      const { status, body } = await httpGet({ port })
      expect([status, body]).toEqual([502, expect.stringContaining('PROXY_CONNECT_FAILED')])
      expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining('name.test')])
    },
  )

  it.each(FAILURES)('%s: the request goes to another server, a POST too', async (_, answer) => {
    const server = await startNamed('found')
    const lookup = lookupThat(answer, 'found.test')
    const targets = ['http://name.test:1', `http://found.test:${server.port}`]
    const { port } = await startEngine(routeTo(...targets), { lookup })
    for (let time = 0; time < 2; time += 1) {
      const { status, body } = await httpGet({ port, method: 'POST' })
      expect([status, body]).toEqual([200, 'found'])
    }
  })

  it('an error of the proxy: that is the answer', async () => {
    const refused = new ProxyError('PROXY_SERVER_FORBIDDEN', 'not this one')
    const lookup = lookupThat((callback) => callback(refused as never, []))
    const { port } = await startEngine(routeTo('http://name.test:1'), { lookup, retry: { attempts: 1 } })
    expect((await httpGet({ port })).body).toContain('PROXY_SERVER_FORBIDDEN')
  })
})
