import { createHash } from 'node:crypto'
import { createProxy, type EngineOptions, StaticProvider } from 'switchover'
import { describe, expect, it } from 'vitest'
import type { LiveServer } from '../../../src/engine/backends/live-server.js'
import { StickySessions } from '../../../src/engine/backends/sticky-sessions.js'
import { httpGet } from '../../support/http-get.js'
import { startEngine, startNamed } from '../../support/live-engine.js'

const SECRET = 'a secret of the cluster'
const NEXT_SECRET = 'the secret that comes after'

interface Given {
  readonly name: string
  readonly url: string
  readonly address?: string
}

const live = (given: Given) => ({ ...given, state: { isAvailable: true } }) as unknown as LiveServer

function sessionsOf(servers: readonly Given[], secrets: readonly string[] = [], backend = 'web@static') {
  const all = servers.map(live)
  const sticky = new StickySessions(backend, all, { cookieName: 'c' }, secrets)
  const facts = (value: string) => ({ headers: { cookie: `c=${value}` } }) as never
  const valueFor = (place: number) => /^c=([^;]+); Path=\/$/.exec(cookieOf(place, 'none') ?? '')?.[1] ?? ''
  const cookieOf = (place: number, value: string) => sticky.cookieFor(all[place] as LiveServer, facts(value))
  const serverOf = (value: string) => sticky.serverOf(facts(value))?.name
  return { valueFor, cookieOf, serverOf }
}

/** Returns the cookie value that earlier releases made. */
const oldValue = (server: Given, backend = 'web@static') =>
  createHash('sha256').update(`${backend}\n${server.name}\n${server.url}`).digest('hex').slice(0, 16)

const one = { name: 'one', url: 'http://10.20.30.40:8080' }
const two = { name: 'two', url: 'http://10.20.30.41:8080' }

describe('the value of a sticky cookie', () => {
  it.each([[[]], [[SECRET]]])('is the same whatever the URL (secrets: %j)', (secrets) => {
    const moved = { ...one, url: 'https://192.168.7.7:9443/base' }
    const before = sessionsOf([one, two], secrets)
    const after = sessionsOf([moved, two], secrets)
    expect(after.valueFor(0)).toBe(before.valueFor(0))
    expect(after.serverOf(before.valueFor(0))).toBe('one')
    expect(before.valueFor(0)).not.toBe(before.valueFor(1))
  })

  it('is another one for a server of the same name in another backend', () => {
    const here = sessionsOf([one]).valueFor(0)
    expect(sessionsOf([one], [], 'web@file').valueFor(0)).not.toBe(here)
    expect(sessionsOf([one], [SECRET]).valueFor(0)).not.toBe(sessionsOf([one], [SECRET], 'x').valueFor(0))
  })

  it('is no digest of the names where there is a secret', () => {
    const value = sessionsOf([one], [SECRET]).valueFor(0)
    expect(value).toMatch(/^[0-9a-f]{32}$/)
    const hashed = createHash('sha256').update('web@static\none').digest('hex')
    expect(hashed.startsWith(value)).toBe(false)
    expect(sessionsOf([one], [NEXT_SECRET]).valueFor(0)).not.toBe(value)
    expect(sessionsOf([one]).valueFor(0)).toMatch(/^[0-9a-f]{16}$/)
  })

  it('tells no address of a name with several', () => {
    const at = (address: string) => ({ name: `one@${address}`, url: 'http://servers.test', address })
    const here = sessionsOf([at('10.0.0.1'), at('10.0.0.2'), two])
    const there = sessionsOf([at('172.16.9.1'), at('172.16.9.2'), two])
    expect([0, 1, 2].map(here.valueFor)).toEqual([0, 1, 2].map(there.valueFor))
    expect(new Set([0, 1, 2].map(here.valueFor)).size).toBe(3)
    expect(here.serverOf(here.valueFor(1))).toBe('one@10.0.0.2')
  })

  it('is of an address of its own where there is a secret: others may come and go', () => {
    const at = (address: string) => ({ name: `one@${address}`, url: 'http://servers.test', address })
    const before = sessionsOf([at('10.0.0.1'), at('10.0.0.2')], [SECRET])
    const after = sessionsOf([at('10.0.0.2'), at('10.0.0.3')], [SECRET])
    expect(after.serverOf(before.valueFor(1))).toBe('one@10.0.0.2')
    expect(after.serverOf(before.valueFor(0))).toBeUndefined()
  })
})

describe('a sticky cookie of before', () => {
  it.each([[[]], [[SECRET]], [[SECRET, NEXT_SECRET]]])(
    'names its server once, and is replaced (secrets: %j)',
    (secrets) => {
      const { cookieOf, serverOf, valueFor } = sessionsOf([one, two], secrets)
      expect(serverOf(oldValue(two))).toBe('two')
      expect(cookieOf(1, oldValue(two))).toBe(`c=${valueFor(1)}; Path=/`)
      expect(cookieOf(1, valueFor(1))).toBeUndefined()
    },
  )

  it('of a name with several addresses names its address', () => {
    const address = { name: 'one@10.0.0.2', url: 'http://servers.test', address: '10.0.0.2' }
    expect(sessionsOf([address]).serverOf(oldValue(address))).toBe('one@10.0.0.2')
  })

  it('of another secret is honoured while the list holds it, and replaced by one of the first', () => {
    const before = sessionsOf([one, two], [SECRET]).valueFor(1)
    const both = sessionsOf([one, two], [NEXT_SECRET, SECRET])
    expect(both.serverOf(before)).toBe('two')
    expect(both.cookieOf(1, before)).toBe(`c=${both.valueFor(1)}; Path=/`)
    expect(both.valueFor(1)).toBe(sessionsOf([one, two], [NEXT_SECRET]).valueFor(1))
    expect(sessionsOf([one, two], [NEXT_SECRET]).serverOf(before)).toBeUndefined()
  })

  it('of no secret is honoured when there is one, and replaced', () => {
    const before = sessionsOf([one, two]).valueFor(0)
    const keyed = sessionsOf([one, two], [SECRET])
    expect(keyed.serverOf(before)).toBe('one')
    expect(keyed.cookieOf(0, before)).toBe(`c=${keyed.valueFor(0)}; Path=/`)
  })
})

describe('stickySecret', () => {
  const refusalOf = (stickySecret: unknown) => {
    try {
      const config = { frontends: {}, backends: {} }
      createProxy({ providers: [new StaticProvider({ config })], stickySecret: stickySecret as string })
    } catch (error) {
      return error as Error
    }
    return undefined
  }

  it.each([
    ['fifteen bytes!!', 'one of 15 bytes'],
    ['', 'one of 0 bytes'],
    [[SECRET, 'short'], 'one of 5 bytes at [1]'],
    [Buffer.from(SECRET), 'bytes; write them as a text, as with toString("base64")'],
    [undefined, 'nothing; leave it out for cookies without a secret'],
    [[], 'an empty list'],
    [7, 'number 7'],
    [{}, 'an object'],
    [null, 'null'],
  ])('is refused as %j, and not shown', (stickySecret, found) => {
    const refusal = refusalOf(stickySecret)
    expect(refusal).toMatchObject({ code: 'PROXY_OPTION_INVALID' })
    expect(refusal?.message).toBe(
      `stickySecret: expected a text of 16 bytes or more, or a list of such texts; found ${found}`,
    )
  })

  it('counts bytes, and is taken as a text or a list', () => {
    expect(refusalOf('sixteen bytes!!!')).toBeUndefined()
    expect(refusalOf('éééééééé')).toBeUndefined()
    expect(refusalOf([SECRET, NEXT_SECRET])).toBeUndefined()
  })

  it('makes the cookies of a proxy, through a change of URLs, of secrets and from the old form', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map(startNamed))
    const config = (urls: readonly string[]) => ({
      frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
      backends: {
        web: {
          servers: Object.fromEntries(urls.map((url, place) => [`s${place}`, { url }])),
          loadBalancer: { stickiness: { cookieName: 'c' } },
        },
      },
    })
    const urls = servers.map(({ url }) => url)
    const engineOf = (options: EngineOptions, given = urls) => startEngine(config(given), options)
    const ask = async ({ port }: { readonly port: number }, value: string) => {
      const { body, headers } = await httpGet({ port, headers: { cookie: `c=${value}` } })
      return { body, set: /^c=([^;]+)/.exec(String(headers['set-cookie'] ?? ''))?.[1] }
    }
    const first = await engineOf({ stickySecret: SECRET })
    const old = createHash('sha256').update(`web@static\ns1\n${urls[1]}`).digest('hex').slice(0, 16)
    const renewed = await ask(first, old)
    expect(renewed).toEqual({ body: 'b', set: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(await ask(first, renewed.set as string)).toEqual({ body: 'b', set: undefined })
    const [a, b, c] = urls as [string, string, string]
    const moved = await engineOf({ stickySecret: [NEXT_SECRET, SECRET] }, [b, c, a])
    const again = await ask(moved, renewed.set as string)
    expect(again.body).toBe('c')
    expect(again.set).not.toBe(renewed.set)
    expect(await ask(moved, again.set as string)).toEqual({ body: 'c', set: undefined })
  })
})
