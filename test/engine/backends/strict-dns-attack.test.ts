import type { LookupAddress, LookupOptions } from 'node:dns'
import { createServer } from 'node:http'
import type { Backend, ProviderConfig } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../../support/http-get.js'
import { eventually } from '../../support/next-event.js'
import { OpenEngine } from '../../support/open-engine.js'
import { listenAt, portOf, startAt } from '../../support/servers-at.js'

type Callback = (error: unknown, found?: unknown, family?: number) => void

/** A lookup that answers with the addresses that a test sets. */
class Names {
  addresses: readonly string[]
  asked = 0
  error: unknown
  constructor(...addresses: string[]) {
    this.addresses = addresses
  }
  readonly lookup = ((_hostname: string, _options: LookupOptions, callback: Callback) => {
    this.asked += 1
    process.nextTick(() => {
      if (this.error) return callback(this.error)
      const found: LookupAddress[] = this.addresses.map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }))
      callback(null, found)
    })
  }) as never
}

const configOf = (port: number, backend: Partial<Backend> = {}): ProviderConfig => ({
  frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
  backends: {
    web: {
      servers: { s: { url: `http://servers.test:${port}` } },
      strictDns: { interval: '5ms' },
      ...backend,
    },
  },
})

async function start(names: Names, document: ProviderConfig) {
  const engine = new OpenEngine({ lookup: names.lookup })
  onTestFinished(() => engine.close())
  const server = await listenAt(createServer(engine.handler as never), '127.0.0.1')
  await engine.apply(document)
  const ask = async (path = '/') => {
    const { status, body } = await httpGet({ port: portOf(server), path })
    return status === 200 ? body : String(status)
  }
  const have = (...addresses: string[]) =>
    eventually(
      () =>
        [...(engine.snapshot?.backends.values() ?? [])]
          .flatMap(({ servers }) => servers.map(({ address }) => address))
          .join() === addresses.join(),
      `servers at ${addresses}`,
      30_000,
    )
  return { engine, ask, have }
}

async function turns(ms = 60): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve))
}

describe('strictDns, used with hostility', () => {
  it('survives a lookup of the host that fails with what is no Error', async () => {
    const rejections: unknown[] = []
    const listener = (reason: unknown) => rejections.push(reason)
    process.on('unhandledRejection', listener)
    onTestFinished(() => void process.off('unhandledRejection', listener))
    const names = new Names('127.0.0.2')
    names.error = { code: 'ENOTFOUND', message: 'from another realm' }
    const { have } = await start(names, configOf(1))
    await eventually(() => names.asked > 0, 'a lookup')
    await turns()
    expect(rejections).toEqual([])
    names.error = undefined
    await have('127.0.0.2')
  })

  it('consistentHash spreads keys over the addresses of a name', async () => {
    const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']
    const port = await startAt(hosts, (host) => (_req, res) => void res.end(host))
    const names = new Names(...hosts)
    const { ask, have } = await start(
      names,
      configOf(port, { loadBalancer: { method: 'consistentHash', hashBy: 'path' } }),
    )
    await have(...hosts)
    const of = new Map<string, string>()
    for (let n = 0; n < 80; n++) of.set(`/${n}`, await ask(`/${n}`))
    expect(new Set(of.values()).size).toBe(4)
    // One address leaves, so only its keys move to other servers.
    names.addresses = hosts.slice(1)
    await have(...names.addresses)
    let moved = 0
    for (const [path, host] of of) if (host !== '127.0.0.2' && (await ask(path)) !== host) moved += 1
    expect(moved).toBe(0)
  })

  it('a dead address that stays goes out by its checks though others come and go', async () => {
    let checks = 0
    const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
    const port = await startAt(hosts, (host) => (_req, res) => {
      if (host === '127.0.0.2') {
        checks += 1
        res.statusCode = 500
      }
      res.end(host)
    })
    const names = new Names('127.0.0.2', '127.0.0.3')
    const { engine, have } = await start(
      names,
      configOf(port, { healthCheck: { path: '/', interval: '100ms', unhealthyThreshold: 3 } }),
    )
    const down: string[] = []
    engine.events.on('serverDown', ({ server }) => down.push(server))
    for (let round = 0; round < 12; round++) {
      names.addresses = round % 2 === 0 ? hosts : hosts.slice(0, 2)
      const before = checks
      await have(...names.addresses)
      await eventually(() => checks > before, 'a check')
    }
    expect(checks).toBeGreaterThanOrEqual(10)
    await turns(20)
    expect(down).toEqual(['s@127.0.0.2'])
  })

  it('looks nothing up once it was closed, whenever that was', async () => {
    const late: number[] = []
    for (let microtasks = 0; microtasks < 120; microtasks++) {
      const names = new Names('127.0.0.2')
      const engine = new OpenEngine({ lookup: names.lookup })
      engine.apply(configOf(1, { strictDns: { interval: '1ms' } })).catch(() => undefined)
      for (let n = 0; n < microtasks; n++) await undefined
      const closed = engine.close()
      const atClose = names.asked
      await closed
      await turns(3)
      await turns(5)
      if (names.asked > atClose) {
        late.push(microtasks)
      }
    }
    expect(late).toEqual([])
  })

  it('begins no checks after it was closed', async () => {
    const checked = new Map<string, number>()
    const server = await listenAt(
      createServer((req, res) => {
        const { host = '' } = req.headers
        checked.set(host, (checked.get(host) ?? 0) + 1)
        res.end()
      }),
      '127.0.0.2',
    )
    const names = new Names('127.0.0.2')
    const backends = Object.fromEntries(
      Array.from({ length: 300 }, (_, nth) => [
        `b${nth}`,
        {
          servers: { s: { url: `http://n${nth}.test:${portOf(server)}` } },
          strictDns: { interval: '1h' },
          healthCheck: { path: '/', interval: '1h' },
        },
      ]),
    )
    const engine = new OpenEngine({ lookup: names.lookup })
    onTestFinished(() => engine.close())
    await engine.apply({ frontends: { web: { backend: 'b0', rule: 'PathPrefix:/' } }, backends })
    await engine.close()
    await turns(300)
    const afterClose = [...checked.values()].reduce((sum, count) => sum + count, 0)
    expect(afterClose).toBe(0)
  })

  it('a zone does not get round link-local', async () => {
    const names = new Names('fe80::1%lo')
    const { engine } = await start(names, configOf(1))
    await eventually(() => names.asked > 3, 'lookups')
    await turns(30)
    expect(
      [...(engine.snapshot?.backends.values() ?? [])].flatMap(({ servers }) =>
        servers.map(({ address }) => address),
      ),
    ).toEqual([undefined])
  })

  it('closing while new addresses are compiled, whenever that is, begins nothing', async () => {
    const late: number[] = []
    for (let microtasks = 0; microtasks < 40; microtasks++) {
      const names = new Names('127.0.0.2')
      let isIn = false
      let close: Promise<unknown> | undefined
      let at = 0
      const probe = () => {
        if (isIn) {
          isIn = false
          void (async () => {
            for (let n = 0; n < microtasks; n++) await undefined
            before = engine.snapshot
            at = names.asked
            close = engine.close()
          })()
        }
        return () => undefined
      }
      const engine = new OpenEngine({ lookup: names.lookup, strategies: { probe } })
      let before: unknown
      await engine.apply(configOf(1, { strictDns: { interval: '1ms' }, loadBalancer: { method: 'probe' } }))
      isIn = true
      await eventually(() => close !== undefined, 'the end')
      await close
      await turns(5)
      if (names.asked > at || engine.snapshot !== before) {
        late.push(microtasks)
      }
    }
    expect(late).toEqual([])
  })
})

it('has new addresses though the configuration that came with them is refused', async () => {
  let address = '127.0.0.2'
  const lookup = ((_host: string, _options: LookupOptions, done: (e: unknown, found: unknown) => void) =>
    process.nextTick(() => done(null, [{ address, family: 4 }]))) as never
  const servers = { s: { url: 'http://servers.test:1' } }
  const document = (method: string): ProviderConfig => ({
    frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
    backends: { web: { servers, strictDns: { interval: '1ms' }, loadBalancer: { method } } },
  })
  let refused: Promise<unknown> | undefined
  const own = () => {
    // While the new address is compiled, a configuration comes that is refused.
    if (address === '127.0.0.3' && !refused)
      refused = engine
        .apply({ frontends: { a: { backend: 'none', rule: 'Host:a' } }, backends: {} })
        .catch((e) => e)
    return () => undefined
  }
  const engine = new OpenEngine({ lookup, strategies: { own } })
  onTestFinished(() => engine.close())
  await engine.apply(document('own'))
  const now = () => [...(engine.snapshot?.backends.values() ?? [])][0]?.servers[0]?.address
  await eventually(() => now() === '127.0.0.2', 'the first address')
  address = '127.0.0.3'
  await eventually(() => refused !== undefined, 'a compilation')
  expect(await refused).toMatchObject({ code: 'PROXY_CONFIG_INVALID' })
  await eventually(() => now() === '127.0.0.3', 'the new address', 3000)
})
