import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createProxy,
  type DocumentFilter,
  LastGoodFile,
  type Provider,
  type ProviderConfig,
  type ProxyOptions,
  StaticProvider,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { startNamed } from '../support/live-engine.js'
import { nextEvent } from '../support/next-event.js'

const failing = (name: string): Provider => ({
  name,
  start: async (sink) => sink.unavailable(new Error('down')),
  stop: async () => {},
})

async function newFile(): Promise<() => LastGoodFile> {
  const path = join(await mkdtemp(join(tmpdir(), 'filtered-')), 'last-good.json')
  return () => new LastGoodFile(path, { startGraceMs: 1 })
}

async function start(options: ProxyOptions) {
  const proxy = createProxy(options)
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  return { proxy, get: (host: string) => httpGet({ port, headers: { Host: host } }) }
}

/** Makes a `whiteList` of the old form of Traefik, which is not built. */
const translate: DocumentFilter = (document) => {
  for (const frontend of Object.values(document.frontends ?? {})) {
    const old = frontend as { whitelistSourceRange?: string[]; whiteList?: object }
    if (Array.isArray(old.whitelistSourceRange)) old.whiteList ??= { sourceRange: old.whitelistSourceRange }
    delete old.whitelistSourceRange
  }
  return document
}

function document(url: string): ProviderConfig {
  return {
    version: 'v1',
    frontends: {
      legacy: { backend: 'pool', rule: 'Host:legacy.test', auth: { headerField: 'X-User' } } as never,
      admin: { backend: 'pool', rule: 'Host:admin.test', whitelistSourceRange: ['10.0.0.0/8'] } as never,
    },
    backends: { pool: { servers: { one: { url } } } },
  }
}

describe('a start from the last good file', () => {
  it('filters the document as it was delivered: a guard that the filter makes is there again', async () => {
    const lastGood = await newFile()
    const options = {
      documentFilter: translate,
      unsupportedFields: { warn: ['frontends.legacy.auth'] },
    }
    const config = document((await startNamed('one')).url)
    const first = await start({ config, lastGood: lastGood(), ...options })
    expect((await first.get('admin.test')).status).toBe(403)
    const before = await first.proxy.digest('static')
    await first.proxy.close()

    const second = await start({ providers: [failing('static')], lastGood: lastGood(), ...options })
    expect((await second.get('legacy.test')).status).toBe(200)
    expect((await second.get('admin.test')).status).toBe(403)
    expect(await second.proxy.digest('static')).toEqual(before)
  })

  it('is not harmed by a provider that changes its object after it was taken', async () => {
    const lastGood = await newFile()
    const { url } = await startNamed('one')
    const pool = { servers: { one: { url } } }
    const mutable = { frontends: { web: { backend: 'pool', rule: 'Host:a.test' } }, backends: { pool } }
    const other = { frontends: { other: { backend: 'pool', rule: 'Host:b.test' } }, backends: { pool } }
    const documentFilter: DocumentFilter = (given) => given
    const [a, b] = [
      new StaticProvider({ name: 'a', config: mutable }),
      new StaticProvider({ name: 'b', config: other }),
    ]
    const first = await start({ providers: [a, b], lastGood: lastGood(), documentFilter })
    const digest = await first.proxy.digest('a')
    const refused = nextEvent(first.proxy, 'configRejected')
    mutable.frontends.web.rule = 'Hsot:evil'
    await a.update(mutable)
    await refused
    await b.update({ ...other, version: 'v2' })
    expect(await first.proxy.digest('a')).toEqual(digest)
    await first.proxy.close()

    const second = await start({
      providers: [failing('a'), failing('b')],
      lastGood: lastGood(),
      documentFilter,
    })
    expect((await second.get('a.test')).status).toBe(200)
    expect((await second.get('b.test')).status).toBe(200)
  })
})
