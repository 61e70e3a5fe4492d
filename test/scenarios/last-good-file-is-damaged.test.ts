import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ApiConfigFetcher,
  createProxy,
  EtcdAliasProvider,
  LastGoodFile,
  type ProviderConfig,
} from 'switchover'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileApi, json } from '../support/hostile-api.js'
import { httpGet } from '../support/http-get.js'
import { MemoryWatch } from '../support/memory-watch.js'
import { eventually } from '../support/next-event.js'

// P5 and P10 in docs/promises.md.

const GARBAGE_BYTES = 100 * 1024 * 1024

let etcd: EtcdServer
let api: HostileApi
let server: NamedServer
let path: string
let clusters = 0

beforeAll(async () => {
  etcd = await EtcdServer.start()
  api = await HostileApi.start()
  server = await NamedServer.start('one')
})
afterAll(async () => {
  await Promise.all([etcd?.stop(), api?.close(), server?.close()])
})
beforeEach(async () => {
  clusters += 1
  const folder = await mkdtemp(join(tmpdir(), 'damaged-'))
  path = join(folder, 'last-good.json')
  return () => rm(folder, { recursive: true, force: true })
})

function documentOf(version: string): ProviderConfig {
  return {
    version,
    frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
    backends: { web: { servers: { only: { url: server.url } } } },
  }
}

/** A proxy that finds the file as it is, with version 1 of a cluster of its own to fetch if etcd is reachable. */
async function start(hosts = etcd.url) {
  const aliasKey = `/cluster-${clusters}/alias`
  const prefix = (version: number) => `/cluster-${clusters}/v${version}`
  for (const version of [1, 2]) api.on(prefix(version), json(documentOf(String(version))))
  await etcd.put(aliasKey, prefix(1))
  const proxy = createProxy({
    providers: [new EtcdAliasProvider({ hosts, aliasKey, fetcher: new ApiConfigFetcher({ url: api.url }) })],
    lastGood: new LastGoodFile(path, { startGraceMs: 300 }),
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const told: string[] = []
  const tell = (event: { provider: string; error: Error }) =>
    told.push(`${event.provider}: ${(event.error as { code?: string }).code}`)
  proxy.on('configRejected', tell)
  proxy.on('providerUnavailable', tell)
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return {
    proxy,
    told,
    get: () => httpGet({ port: Number(port) }),
    flip: () => etcd.put(aliasKey, prefix(2)),
    isLive: (version: number) =>
      eventually(() => proxy.state.providers[0]?.version === String(version), `version ${version} is live`),
  }
}

const INVALID = 'etcd-alias: PROXY_CACHE_INVALID'
const FAILED = 'etcd-alias: PROXY_CACHE_FAILED'

const damages: Record<string, (text: string) => string> = {
  'cut in its head': (text) => text.slice(0, 20),
  'cut in the middle': (text) => text.slice(0, text.length / 2),
  'cut at its last byte': (text) => text.slice(0, -1),
  empty: () => '',
  'flipped in one bit of a port': (text) => flipped(text, text.lastIndexOf('http://127.0.0.1:') + 17),
  'flipped in one bit of its checksum': (text) => flipped(text, text.indexOf('"sha256":"') + 10),
  'made of brackets': (text) => `${text.slice(0, 60)}${'['.repeat(1e6)}`,
}

/** The lowest bit of a digit is the difference to its neighbour: the file stays valid JSON. */
function flipped(text: string, at: number): string {
  const bytes = Buffer.from(text)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toString()
}

describe('a file of ours that is', () => {
  it.each(Object.keys(damages))(
    '%s: it is refused and told of though nobody needed it, and replaced',
    async (damage) => {
      await new LastGoodFile(path).save('etcd-alias', {
        document: documentOf('0'),
        savedAt: new Date().toISOString(),
      })
      await writeFile(path, damages[damage]?.(await readFile(path, 'utf8')) ?? '')
      const { told, get, isLive } = await start()
      await isLive(1)
      expect((await get()).body).toBe('one\n')
      await eventually(() => told.length > 0, 'it is told')
      await eventually(async () => (await keptVersion()) === '1', 'the damaged file is replaced')
      expect(told).toEqual([INVALID])
    },
  )

  it('cut, while etcd is down: it is told of and not served', async () => {
    await writeFile(path, '{"format":"switchover last good configuration, 1","providers":{"etcd-al')
    const { proxy, told, get } = await start('http://127.0.0.1:1')
    await eventually(() => told.includes(INVALID), 'it is told')
    expect((await get()).status).toBe(503)
    expect(proxy.state).toMatchObject({ generation: 0, providers: [{ state: 'unavailable' }] })
    expect(told.filter((word) => word === INVALID)).toHaveLength(1)
  })
})

async function keptVersion(): Promise<string | undefined> {
  const kept = await new LastGoodFile(path).load().catch(() => undefined)
  return kept?.get('etcd-alias')?.document.version
}

describe("what is somebody else's stays as it is, and is told of once for reading and once for writing:", () => {
  const PACKAGE = '{\n  "name": "app",\n  "private": true\n}\n'
  const foreign: Record<string, { put: () => Promise<unknown>; unchanged: () => Promise<unknown> }> = {
    "another program's JSON": {
      put: () => writeFile(path, PACKAGE),
      unchanged: async () => expect(await readFile(path, 'utf8')).toBe(PACKAGE),
    },
    'a text': {
      put: () => writeFile(path, 'the shopping list'),
      unchanged: async () => expect(await readFile(path, 'utf8')).toBe('the shopping list'),
    },
    'a folder': {
      put: () => mkdir(path),
      unchanged: async () => expect((await stat(path)).isDirectory()).toBe(true),
    },
    '100 MB of garbage': {
      put: writeGarbage,
      unchanged: async () => expect((await stat(path)).size).toBe(GARBAGE_BYTES),
    },
  }

  it.each(Object.keys(foreign))('%s', async (what) => {
    await foreign[what]?.put()
    const memory = new MemoryWatch()
    const { told, get, flip, isLive, proxy } = await start()
    await isLive(1)
    await eventually(() => told.length === 2, 'it is told')
    await flip()
    await isLive(2)
    expect((await get()).body).toBe('one\n')
    await proxy.close()
    expect([...told].sort()).toEqual([FAILED, INVALID])
    await foreign[what]?.unchanged()
    expect(await readdir(join(path, '..'))).toEqual(['last-good.json'])
    const grownMb = memory.end()
    console.log(`${what}: memory +${grownMb} MB at most`)
    expect(grownMb).toBeLessThan(60)
  })
})

async function writeGarbage(): Promise<void> {
  const file = await open(path, 'w')
  const piece = Buffer.alloc(1024 * 1024, 0xa7)
  for (let written = 0; written < GARBAGE_BYTES; written += piece.length) await file.write(piece)
  await file.close()
}
