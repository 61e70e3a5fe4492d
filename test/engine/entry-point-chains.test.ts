import type { Middleware, MiddlewareKind, ProviderConfig } from 'switchover'
import { createProxy } from 'switchover'
import { requestTo } from 'switchover/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { askChain, reviewResponse } from '../../src/engine/chain.js'
import { EntryPointChains } from '../../src/engine/entry-point-chains.js'
import { HeaderLines } from '../../src/engine/header-lines.js'
import { ChainRequest } from '../../src/engine/middleware-request.js'
import { rowOf } from '../../src/middlewares/middleware-kind.js'
import { httpGet } from '../support/http-get.js'
import { startNamed } from '../support/live-engine.js'

const NO_ONE = { sourceRange: ['192.0.2.0/24'] }
const LOCAL = { sourceRange: ['127.0.0.0/8'] }

async function start(entryPoints: NonNullable<Parameters<typeof createProxy>[0]['entryPoints']>) {
  const server = await startNamed('served')
  const config: ProviderConfig = {
    frontends: {
      all: { backend: 'app', rule: 'PathPrefix:/' },
      listed: { backend: 'app', rule: 'Path:/listed', priority: 99, whiteList: NO_ONE },
    },
    backends: { app: { servers: { one: { url: server.url } } } },
  }
  const proxy = createProxy({ config, entryPoints, status: {} })
  onTestFinished(() => proxy.close())
  await proxy.ready()
  return proxy
}

describe('the white list of an entry point', () => {
  it('keeps clients out there, whatever they ask for, and nowhere else', async () => {
    const proxy = await start({ closed: { whiteList: NO_ONE }, open: { whiteList: LOCAL }, plain: {} })
    const ask = async (entryPoint: string, path = '/') => {
      const { port } = await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint })
      return httpGet({ port, path })
    }
    expect(await ask('closed')).toMatchObject({
      status: 403,
      body: expect.stringContaining('PROXY_FORBIDDEN'),
    })
    expect((await ask('closed', '/nowhere')).status).toBe(403)
    expect((await ask('open')).body).toBe('served')
    expect((await ask('plain')).body).toBe('served')
    // Both lists count: that of the entry point, and that of the frontend.
    expect((await ask('open', '/listed')).status).toBe(403)
  })

  it('guards the pages of the status server that stand there', async () => {
    const proxy = await start({
      closed: { address: '127.0.0.1:0', whiteList: NO_ONE, status: ['ping', 'api'] },
      open: { address: '127.0.0.1:0', whiteList: LOCAL, status: ['ping'] },
    })
    const [closed, open] = [await proxy.listen('closed'), await proxy.listen('open')]
    for (const path of ['/ping', '/api/providers', '/dashboard/'])
      expect((await httpGet({ port: closed.port, path })).status).toBe(403)
    expect(await httpGet({ port: open.port, path: '/ping' })).toMatchObject({ status: 200, body: 'OK' })
  })

  it('changes while the proxy runs, for the next request on a connection that stands', async () => {
    const proxy = await start({ web: { address: '127.0.0.1:0' } })
    const ask = async () => (await requestTo(proxy, 'http://a.test/', { entryPoint: 'web' })).status
    expect(await ask()).toBe(200)
    await proxy.setEntryPoints({ web: { address: '127.0.0.1:0', whiteList: LOCAL } })
    expect(await ask()).toBe(403)
    await proxy.setEntryPoints({ web: { address: '127.0.0.1:0' } })
    expect(await ask()).toBe(200)
  })

  it('is explained, before the frontend', async () => {
    const proxy = await start({ closed: { whiteList: NO_ONE }, plain: {} })
    const sketch = { host: 'a.test', path: '/', clientAddress: '10.1.1.1' }
    const { entryPoint, winner } = proxy.explain({ ...sketch, entryPoint: 'closed' })
    expect(entryPoint).toEqual({
      steps: [{ middleware: 'whiteList', verdict: '10.1.1.1 is not on the white list' }],
      answer: { status: 403 },
    })
    expect(winner?.frontend).toBe('all@static')
    expect(proxy.explain({ ...sketch, entryPoint: 'plain' })).not.toHaveProperty('entryPoint')
  })

  it.each([
    [{ sourceRange: ['10.0.0.0/33'] }, /^entryPoints\.web\.whiteList\.sourceRange\[0\]: /],
    [{ sourceRange: [] }, /^entryPoints\.web\.whiteList\.sourceRange: /],
    [{ sourceRanges: ['::/0'] }, /^entryPoints\.web\.whiteList\.sourceRange/],
    ['10.0.0.0/8', /^entryPoints\.web\.whiteList: /],
  ])('refuses %j', async (whiteList, message) => {
    const config = { frontends: {}, backends: {} }
    const entryPoints = { web: { whiteList } } as never
    expect(() => createProxy({ config, entryPoints })).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringMatching(message) }),
    )
    const proxy = await start({ web: {} })
    // Nothing of a wrong table is applied, whatever else it says.
    const moved = { web: { ...(entryPoints as { web: object }).web, address: '127.0.0.1:0' }, more: {} }
    const opened = await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint: 'web' })
    await expect(proxy.setEntryPoints(moved, { listen: ['web'] })).rejects.toThrow(message)
    expect((await httpGet({ port: opened.port })).status).toBe(200)
    expect((await requestTo(proxy, 'http://a.test/', { entryPoint: 'web' })).status).toBe(200)
  })
})

describe('the chains of an entry point and a frontend', () => {
  it('are met in this order by a request, and in the opposite one by its response', () => {
    const seen: string[] = []
    const noting = (name: string): Middleware => ({
      name,
      onRequest: () => void seen.push(`${name} asked`),
      onResponse: () => void seen.push(`${name} told`),
    })
    const kind = {
      field: 'noted',
      schema: {},
      compile: () => noting('entry point'),
    } as unknown as MiddlewareKind
    const row = { ...rowOf(kind), isForEntryPoints: true as const, of: () => true }
    const chain = new EntryPointChains([row], { web: {} }).at('web')
    const exchange = { client: {}, frontend: undefined }
    const request = new ChainRequest({ exchange, facts: {} } as unknown as ConstructorParameters<
      typeof ChainRequest
    >[0])
    request.meets(chain as NonNullable<typeof chain>)
    expect(askChain(request)).toBeUndefined()
    const middlewares = [noting('first'), noting('second')]
    request.meets({
      fields: ['a', 'b'],
      middlewares,
      seesServers: false,
      seesResponses: true,
      transformsBodies: false,
    })
    expect(askChain(request)).toBeUndefined()
    const response = { request, status: 200, headers: new HeaderLines([]), madeBy: 'server' } as const
    expect(reviewResponse(response, request)).toBeUndefined()
    expect(seen).toEqual([
      'entry point asked',
      'first asked',
      'second asked',
      'second told',
      'first told',
      'entry point told',
    ])
  })
})
