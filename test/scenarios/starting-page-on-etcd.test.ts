import { ApiConfigFetcher, createProxy, EtcdAliasProvider, type ReverseProxy } from 'switchover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from '../support/etcd-server.js'
import { httpGet } from '../support/http-get.js'
import { nextEvent } from '../support/next-event.js'

/**
 * The case that the project began with: two hosts, three client ranges, four servers, and two clusters on one etcd.
 * The ranges are loopback ones, so this needs an operating system that owns all of 127.0.0.0/8, as Linux does.
 */
describe('the routes of the starting page, with clusters dev and qas on one etcd', () => {
  let etcd: EtcdServer
  let api: ConfigApi
  let dev: ReverseProxy
  let qas: ReverseProxy
  let devPort: number
  let qasPort: number
  const servers = new Map<string, NamedServer>()

  const urlOf = (name: string): string => (servers.get(name) as NamedServer).url
  const ask = async (port: number, host: string, from: string): Promise<string> => {
    const { status, body } = await httpGet({ port, host, from })
    return status === 200 ? body.trim() : String(status)
  }

  function writeVersionOne(prefix: string): void {
    api.putBackend(prefix, 'baidu-a', { servers: { s57: { url: urlOf('.57:9111'), weight: 1 } } })
    api.putBackend(prefix, 'baidu-b', { servers: { s56: { url: urlOf('.56:9110'), weight: 1 } } })
    api.putBackend(prefix, 'map', {
      servers: { s58: { url: urlOf('.58:9110'), weight: 3 }, s57: { url: urlOf('.57:9112'), weight: 1 } },
    })
    api.putFrontend(prefix, 'baidu-range-1', {
      backend: 'baidu-a',
      routes: { main: { rule: 'Host:www.baidu.com;ClientIP:127.0.1.0/24' } },
    })
    api.putFrontend(prefix, 'baidu-range-2', {
      backend: 'baidu-b',
      routes: { main: { rule: 'Host:www.baidu.com;ClientIP:127.0.2.0/24' } },
    })
    api.putFrontend(prefix, 'map', { backend: 'map', routes: { main: { rule: 'Host:map.baidu.com' } } })
  }

  async function startProxy(aliasKey: string): Promise<{ proxy: ReverseProxy; port: number }> {
    const fetcher = new ApiConfigFetcher({ url: api.url })
    const proxy = createProxy({ providers: [new EtcdAliasProvider({ hosts: etcd.url, aliasKey, fetcher })] })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready({ timeoutMs: 30_000 })
    return { proxy, port }
  }

  beforeAll(async () => {
    etcd = await EtcdServer.start()
    api = await new ConfigApi().start()
    for (const name of ['.56:9110', '.57:9111', '.57:9112', '.58:9110', 'qas']) {
      servers.set(name, await NamedServer.start(name))
    }
    writeVersionOne('/traefik/dev/v1')
    api.putBackend('/traefik/qas/v1', 'all', { servers: { only: { url: urlOf('qas') } } })
    api.putFrontend('/traefik/qas/v1', 'all', { backend: 'all', rule: 'Host:www.baidu.com,map.baidu.com' })
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v1')
    await etcd.put('/traefik/qas/alias', '/traefik/qas/v1\n')
    const started = await Promise.all([startProxy('/traefik/dev/alias'), startProxy('/traefik/qas/alias')])
    dev = started[0].proxy
    devPort = started[0].port
    qas = started[1].proxy
    qasPort = started[1].port
  })

  afterAll(async () => {
    await Promise.all([dev?.close(), qas?.close()])
    await Promise.all([...servers.values()].map((server) => server.close()))
    await api?.close()
    await etcd?.stop()
  })

  it('sends a host by the range of the client', async () => {
    expect(await ask(devPort, 'www.baidu.com', '127.0.1.7')).toBe('.57:9111')
    expect(await ask(devPort, 'www.baidu.com', '127.0.2.7')).toBe('.56:9110')
    expect(await ask(devPort, 'www.baidu.com', '127.0.3.7')).toBe('404')
  })

  it('shares a host between servers by weight', async () => {
    const counts: Record<string, number> = {}
    for (let round = 0; round < 40; round++) {
      const name = await ask(devPort, 'map.baidu.com', '127.0.3.7')
      counts[name] = (counts[name] ?? 0) + 1
    }
    expect(counts).toEqual({ '.58:9110': 30, '.57:9112': 10 })
  })

  it('explains itself without a request', () => {
    const explained = dev.explain({ host: 'www.baidu.com', path: '/', clientAddress: '127.0.2.7' })
    expect(explained.winner?.frontend).toBe('baidu-range-2@etcd-alias')
    expect(explained.refused.map(({ frontend }) => frontend)).toContain('baidu-range-1@etcd-alias')
    expect(explained.servers.map(({ name }) => name)).toEqual(['s56'])
  })

  it('switches at the alias write alone, in the operators order, and only its own cluster', async () => {
    const before = { dev: dev.state.generation, qas: qas.state.generation }

    // v2 is written piece by piece: nothing changes.
    api.putBackend('/traefik/dev/v2', 'swapped', { servers: { s56: { url: urlOf('.56:9110') } } })
    api.putFrontend('/traefik/dev/v2', 'baidu', {
      backend: 'swapped',
      rule: 'Host:www.baidu.com;ClientIP:127.0.1.0/24',
    })
    expect(await ask(devPort, 'www.baidu.com', '127.0.1.7')).toBe('.57:9111')
    api.putFrontend('/traefik/dev/v2', 'map', { backend: 'swapped', rule: 'Host:map.baidu.com' })

    // v1 is deleted at the API: nothing changes.
    api.delete('/traefik/dev/v1')
    expect(await ask(devPort, 'www.baidu.com', '127.0.2.7')).toBe('.56:9110')
    expect(dev.state.generation).toBe(before.dev)

    // The alias is written: everything changes.
    const switched = nextEvent(dev, 'configChanged')
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v2')
    const { generation, version, verified, changes } = await switched
    expect({ generation, version, verified }).toEqual({
      generation: before.dev + 1,
      version: '/traefik/dev/v2',
      verified: true,
    })
    expect(changes.frontends).toEqual({
      added: ['baidu@etcd-alias'],
      removed: ['baidu-range-1@etcd-alias', 'baidu-range-2@etcd-alias'],
      changed: ['map@etcd-alias'],
    })
    expect(await ask(devPort, 'www.baidu.com', '127.0.1.7')).toBe('.56:9110')
    expect(await ask(devPort, 'www.baidu.com', '127.0.2.7')).toBe('404')
    expect(await ask(devPort, 'map.baidu.com', '127.0.2.7')).toBe('.56:9110')

    // The other cluster, on the same etcd, has not moved.
    expect(qas.state.generation).toBe(before.qas)
    expect(qas.state.providers[0]?.version).toBe('/traefik/qas/v1')
    expect(await ask(qasPort, 'www.baidu.com', '127.0.3.7')).toBe('qas')
  })
})
