import type { LookupAddress, LookupOptions } from 'node:dns'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import {
  type Backend,
  createProxy,
  type ProviderConfig,
  type ProxyOptions,
  type ReverseProxy,
  StaticProvider,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../support/etcd-tls.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'
import { OpenEngine } from '../support/open-engine.js'
import { listenAt, portOf, startAt } from '../support/servers-at.js'

/** What a name leads to, as the test wants it. */
class Names {
  addresses: readonly string[]
  error: Error | undefined
  asked = 0
  /** Where answers wait, if they are to. */
  held: (() => void)[] | undefined

  constructor(...addresses: string[]) {
    this.addresses = addresses
  }

  readonly lookup = (
    _hostname: string,
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void,
  ): void => {
    this.asked += 1
    if (this.held) this.held.push(() => this.#answer(options, callback))
    else process.nextTick(() => this.#answer(options, callback))
  }

  readonly #answer = (
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void,
  ): void => {
    const found = this.addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    const [first = { address: '', family: 4 }] = found
    if (this.error) callback(this.error, [])
    else if (options.all) callback(null, found)
    else callback(null, first.address, first.family)
  }
}

const configOf = (port: number, backend: Partial<Backend> = {}, scheme = 'http'): ProviderConfig => ({
  frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
  backends: {
    web: {
      servers: { s: { url: `${scheme}://servers.test:${port}` } },
      strictDns: { interval: '50ms' },
      ...backend,
    },
  },
})

async function start(names: Names, document: ProviderConfig, options: Partial<ProxyOptions> = {}) {
  const provider = new StaticProvider({ config: document })
  const proxy = createProxy({ providers: [provider], lookup: names.lookup, ...options })
  onTestFinished(() => proxy.close())
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const ask = async (path = '/') => {
    const { status, body } = await httpGet({ port, path })
    return status === 200 ? body : String(status)
  }
  return { proxy, provider, ask }
}

const serversOf = (proxy: ReverseProxy) =>
  proxy.explain({ host: 'a.test', path: '/', clientAddress: '127.0.0.1' }).servers.map(({ name }) => name)

const haveAddresses = (proxy: ReverseProxy, ...addresses: string[]) =>
  eventually(
    () => serversOf(proxy).join() === addresses.map((address) => `s@${address}`).join(),
    `servers at ${addresses}`,
  )

async function answers(ask: () => Promise<string>, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let nth = 0; nth < count; nth++) {
    const answer = await ask()
    counts[answer] = (counts[answer] ?? 0) + 1
  }
  return counts
}

/** Long enough for all that is due within a few milliseconds. */
async function turns(): Promise<void> {
  const end = performance.now() + 20
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve))
}

/** Keeps the event loop busy for longer than a slice of compiling may take. */
function spin(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('a name with several addresses, where strictDns is wanted', () => {
  it('is a server for each, with shares of its own', async () => {
    const port = await startAt(['127.0.0.2', '127.0.0.3'])
    const { proxy, ask } = await start(new Names('127.0.0.3', '127.0.0.2'), configOf(port))
    await haveAddresses(proxy, '127.0.0.2', '127.0.0.3')
    expect(await answers(ask, 20)).toEqual({ '127.0.0.2': 10, '127.0.0.3': 10 })
  })

  it('is one server without strictDns, and found by the lookup of the host', async () => {
    const port = await startAt(['127.0.0.2'])
    const names = new Names('127.0.0.2')
    const { backends: { web } = {} } = configOf(port)
    const { servers = {} } = web ?? {}
    const { proxy, ask } = await start(names, { ...configOf(port), backends: { web: { servers } } })
    expect([await ask(), await ask(), serversOf(proxy)]).toEqual(['127.0.0.2', '127.0.0.2', ['s']])
    expect(names.asked).toBe(1)
  })

  it('gains and loses servers as its addresses change, in the same generation, and no request is lost', async () => {
    const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
    const answer = (host: string) => (_req: unknown, res: { end: (text: string) => void }) =>
      void setTimeout(() => res.end(host), Math.random() * 20)
    const port = await startAt(hosts, answer)
    const names = new Names('127.0.0.2')
    const { proxy, ask } = await start(names, configOf(port, { strictDns: { interval: '5ms' } }))
    const changed: number[] = []
    proxy.on('configChanged', ({ generation }) => changed.push(generation))
    let ended = false
    const seen: Record<string, number> = {}
    const client = async () => {
      while (!ended) {
        const got = await ask()
        seen[got] = (seen[got] ?? 0) + 1
      }
    }
    const clients = Array.from({ length: 8 }, client)
    for (const addresses of [hosts, ['127.0.0.4'], ['127.0.0.2', '127.0.0.3'], hosts, ['127.0.0.3']]) {
      names.addresses = addresses
      await haveAddresses(proxy, ...addresses)
      const before = { ...seen }
      const isAsked = (address: string) => (seen[address] ?? 0) > (before[address] ?? 0)
      await eventually(() => addresses.every(isAsked), `requests at ${addresses}`)
    }
    ended = true
    await Promise.all(clients)
    expect(Object.keys(seen).sort()).toEqual(hosts)
    expect(await answers(ask, 5)).toEqual({ '127.0.0.3': 5 })
    expect([changed, proxy.state.generation]).toEqual([[], 1])
  })

  it('keeps its servers while it cannot be looked up, and says so once', async () => {
    const port = await startAt(['127.0.0.2', '127.0.0.3'])
    const names = new Names('127.0.0.2', '127.0.0.3')
    const told: string[] = []
    const listener = ({ message }: Error) => told.push(message)
    process.on('warning', listener)
    onTestFinished(() => void process.off('warning', listener))
    const { proxy, ask } = await start(names, configOf(port))
    await haveAddresses(proxy, '127.0.0.2', '127.0.0.3')
    names.error = Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' })
    const { asked } = names
    await eventually(() => names.asked > asked + 2, 'three lookups')
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 5, '127.0.0.3': 5 })
    expect(told).toEqual([
      'servers.test cannot be looked up: queryA ESERVFAIL; 127.0.0.2, 127.0.0.3 stay in use',
    ])
    names.error = undefined
    names.addresses = ['127.0.0.3']
    await haveAddresses(proxy, '127.0.0.3')
  })

  it('does not put a dead server back when another address comes', async () => {
    const port = await startAt(['127.0.0.2', '127.0.0.4'])
    const names = new Names('127.0.0.2', '127.0.0.3')
    const document = configOf(port, { outlierDetection: { ejectionTime: '1h', maxEjectionTime: '1h' } })
    const { proxy, ask } = await start(names, document)
    const down: string[] = []
    proxy.on('serverDown', ({ server }) => down.push(server))
    await haveAddresses(proxy, '127.0.0.2', '127.0.0.3')
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 10 })
    names.addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
    await haveAddresses(proxy, ...names.addresses)
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 5, '127.0.0.4': 5 })
    expect(down).toEqual(['s@127.0.0.3'])
  })

  it('trusts an address that takes the place of a dead one', async () => {
    const port = await startAt(['127.0.0.2', '127.0.0.4'])
    const names = new Names('127.0.0.2', '127.0.0.3')
    const document = configOf(port, { outlierDetection: { ejectionTime: '1h', maxEjectionTime: '1h' } })
    const { proxy, ask } = await start(names, document)
    await haveAddresses(proxy, '127.0.0.2', '127.0.0.3')
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 10 })
    names.addresses = ['127.0.0.2', '127.0.0.4']
    await haveAddresses(proxy, ...names.addresses)
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 5, '127.0.0.4': 5 })
  })

  it('has each address checked by itself', async () => {
    const answer =
      (host: string): RequestListener =>
      (req, res) => {
        if (req.url === '/health' && host === '127.0.0.3') res.statusCode = 500
        res.end(host)
      }
    const port = await startAt(['127.0.0.2', '127.0.0.3'], answer)
    const document = configOf(port, { healthCheck: { path: '/health', interval: '20ms' } })
    const names = new Names('127.0.0.2', '127.0.0.3')
    const { proxy, ask } = await start(names, document)
    const down: string[] = []
    proxy.on('serverDown', ({ server }) => down.push(server))
    await eventually(() => down.includes('s@127.0.0.3'), 'the check of 127.0.0.3')
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 10 })
  })

  it('is asked over TLS by its name at each address', async () => {
    const authority = await Authority.create('Authority')
    const identity = await authority.sign({ dns: ['servers.test'] })
    const listener =
      (host: string): RequestListener =>
      (_req, res) =>
        void res.end(host)
    const first = await listenAt(createTlsServer(identity, listener('127.0.0.2')), '127.0.0.2')
    await listenAt(createTlsServer(identity, listener('127.0.0.3')), '127.0.0.3', portOf(first))
    const names = new Names('127.0.0.2', '127.0.0.3')
    const options = { upstreamTls: { ca: authority.cert } }
    const { proxy, ask } = await start(names, configOf(portOf(first), {}, 'https'), options)
    await haveAddresses(proxy, '127.0.0.2', '127.0.0.3')
    expect(await answers(ask, 10)).toEqual({ '127.0.0.2': 5, '127.0.0.3': 5 })
  })

  it('is connected to by IPv4 alone where it has both, and never where no server may be', async () => {
    const port = await startAt(['127.0.0.2'])
    const names = new Names('::1', '169.254.1.1', '127.0.0.2', '127.0.0.2')
    const { proxy, ask } = await start(names, configOf(port))
    await haveAddresses(proxy, '127.0.0.2')
    expect(await answers(ask, 4)).toEqual({ '127.0.0.2': 4 })
  })

  it('changes its addresses while configurations come, and the last of both serves', async () => {
    const hosts = ['127.0.0.2', '127.0.0.3']
    const port = await startAt(hosts)
    const names = new Names(...hosts)
    const { proxy, provider, ask } = await start(names, configOf(port, { strictDns: { interval: '1ms' } }))
    let failed = 0
    for (let nth = 1; nth <= 100; nth++) {
      names.addresses = [hosts[nth % 2] ?? '']
      const weight = nth
      const url = `http://servers.test:${port}`
      const servers = { s: { url, weight } }
      const backends = { web: { servers, strictDns: { interval: nth % 3 === 0 ? '1ms' : '2ms' } } }
      await Promise.all([
        provider.update({ ...configOf(port), backends }),
        ask().then((answer) => {
          if (!hosts.includes(answer)) failed += 1
        }),
      ])
    }
    await haveAddresses(proxy, '127.0.0.2')
    expect(failed).toBe(0)
    expect(proxy.explain({ host: 'a.test', path: '/', clientAddress: '127.0.0.1' }).servers[0]?.weight).toBe(
      100,
    )
    expect(await answers(ask, 5)).toEqual({ '127.0.0.2': 5 })
  })

  it('has the addresses that came while a configuration was compiled', async () => {
    const names = new Names('127.0.0.2')
    let isMet = false
    /** Answers in the middle: after the backend with the name, and before the last one. */
    const probe = () => {
      if (isMet) {
        names.addresses = ['127.0.0.3']
        for (const answer of names.held ?? []) answer()
        names.held = undefined
        spin(50)
      }
      return () => undefined
    }
    const { proxy, provider } = await start(names, configOf(1), { strategies: { probe } })
    await haveAddresses(proxy, '127.0.0.2')
    names.held = []
    const { held } = names
    await eventually(() => held.length > 0, 'a lookup')
    isMet = true
    const servers = { s: { url: 'http://127.0.0.1:1' } }
    const { backends } = configOf(1)
    const more = { probing: { servers, loadBalancer: { method: 'probe' } }, last: { servers } }
    await provider.update({ ...configOf(1), backends: { ...backends, ...more } })
    await haveAddresses(proxy, '127.0.0.3')
  })

  it('never brings back a configuration that was replaced while they were compiled', async () => {
    const names = new Names('127.0.0.2')
    const slow = () => {
      spin(5)
      return () => undefined
    }
    const many = <T>(count: number, entry: (nth: number) => T) =>
      Object.fromEntries(Array.from({ length: count }, (_, nth) => [`n${nth}`, entry(nth)]))
    /** Its checks take several turns of the event loop, and so does compiling its backends. */
    const document = (backends: number): ProviderConfig => ({
      frontends: many(2_000, (nth) => ({ backend: 'n0', rule: `Host:h${nth}.of${backends}.test` })),
      backends: many(backends, () => ({
        servers: { s: { url: 'http://servers.test:1' } },
        loadBalancer: { method: 'slow' },
        strictDns: { interval: '1ms' },
      })),
    })
    const engine = new OpenEngine({ lookup: names.lookup, strategies: { slow } })
    onTestFinished(() => engine.close())
    const serving = () => [...(engine.snapshot?.backends.values() ?? [])]
    for (let round = 1; round <= 8; round++) {
      await engine.apply(document(30))
      names.addresses = [`127.0.0.${round}`]
      await engine.apply(document(1))
      await eventually(() => serving()[0]?.servers[0]?.address === `127.0.0.${round}`, 'the address')
      await turns()
      expect(serving().length).toBe(1)
    }
  })

  it('is looked up no more once nobody names it, or the proxy is closed', async () => {
    const port = await startAt(['127.0.0.2'])
    const names = new Names('127.0.0.2')
    const { proxy, provider } = await start(names, configOf(port, { strictDns: { interval: '1ms' } }))
    await haveAddresses(proxy, '127.0.0.2')
    const servers = { s: { url: `http://127.0.0.2:${port}` } }
    await provider.update({ ...configOf(port), backends: { web: { servers, strictDns: {} } } })
    const { asked } = names
    await provider.update({ ...configOf(port), backends: { web: { servers } } })
    await turns()
    expect(names.asked).toBe(asked)
    // One that is under way is the last one too.
    names.held = []
    await provider.update(configOf(port, { strictDns: { interval: '1ms' } }))
    await provider.update({ ...configOf(port), backends: { web: { servers } } })
    const [answer] = names.held
    names.held = undefined
    answer?.()
    await turns()
    expect(names.asked).toBe(asked + 1)
    await provider.update(configOf(port, { strictDns: { interval: '1ms' } }))
    await haveAddresses(proxy, '127.0.0.2')
    await proxy.close()
    const last = names.asked
    await turns()
    expect(names.asked).toBe(last)
  })
})
