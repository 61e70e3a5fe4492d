import { once } from 'node:events'
import { constants, createBrotliCompress, gzipSync } from 'node:zlib'
import type { ProxyError } from 'switchover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { type FollowedCluster, withCluster } from '../support/followed-cluster.js'
import { type Behaviour, drip, json, slowly, stallAfter, status } from '../support/hostile-api.js'
import { MemoryWatch } from '../support/memory-watch.js'
import { nextEvent } from '../support/next-event.js'

// P2 and P10 in docs/promises.md.

const MAX_BYTES = 8 * 1024 * 1024
/** What one answer may have sent when it is given up: the limit, and what the buffers of two sockets hold. */
const MOST_SENT = MAX_BYTES + 12e6
/** Of the whole process, the API in it included. Without a limit a single answer would take 200 MB and more. */
const MOST_GROWTH_MB = 120
const REPEATS = 5

let etcd: EtcdServer
let bombs: Readonly<Record<string, Behaviour>>
beforeAll(async () => {
  etcd = await EtcdServer.start()
  const [gzip, br] = [gzipBomb(), await brotliBomb()]
  console.log(`bombs of 268 MB: gzip ${gzip.length} bytes, br ${br.length} bytes`)
  bombs = {
    gzip: status(200, gzip, { 'content-encoding': 'gzip' }),
    br: status(200, br, { 'content-encoding': 'br' }),
    'gzip, gzip': status(200, gzipSync(gzip, { level: 0 }), { 'content-encoding': 'gzip, gzip' }),
    'gzip and gzip': status(200, gzipSync(gzip, { level: 0 }), { 'content-encoding': ['gzip', 'gzip'] }),
    'br, gzip': status(200, gzip, { 'content-encoding': 'br, gzip' }),
  }
})
afterAll(() => etcd?.stop())

/** 268 MB of white space: 16 times the same 16 MiB, which is one valid gzip file. */
function gzipBomb(): Buffer {
  const part = gzipSync(Buffer.alloc(16 * 1024 * 1024, ' '))
  return Buffer.concat(Array.from({ length: 16 }, () => part))
}

async function brotliBomb(): Promise<Buffer> {
  // Its best quality would take most of a minute.
  const compressor = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })
  const chunks: Buffer[] = []
  compressor.on('data', (chunk: Buffer) => chunks.push(chunk))
  const piece = Buffer.alloc(1024 * 1024, ' ')
  for (let written = 0; written < 256; written++) {
    if (!compressor.write(piece)) await once(compressor, 'drain')
  }
  compressor.end()
  await once(compressor, 'end')
  return Buffer.concat(chunks)
}

/** The answer is refused once though it is given again and again, and costs next to no memory. */
async function expectRefused(cluster: FollowedCluster, behaviour: Behaviour, says: string): Promise<void> {
  const { api, proxy, prefixOf, documents, writeAlias, serves, told } = cluster
  const prefix = prefixOf(2)
  api.on(prefix, behaviour)
  const memory = new MemoryWatch()
  const start = performance.now()
  const refused = nextEvent(proxy, 'configRejected')
  await writeAlias(prefix)
  const error = (await refused).error as ProxyError
  const tookMs = Math.round(performance.now() - start)
  expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
  expect(error.message).toContain(says)
  for (let question = 2; question <= REPEATS; question++) {
    await writeAlias(prefix)
    await api.untilAsked(prefix, question)
  }
  await serves(1)
  const grownMb = memory.end()
  const sentMb = Math.round(api.streamed / 1e6 / api.timesAsked(prefix))
  console.log(
    `${says}: refused after ${tookMs} ms, ${sentMb} MB sent each time, memory +${grownMb} MB at most`,
  )
  expect(grownMb).toBeLessThan(MOST_GROWTH_MB)
  expect(api.streamed).toBeLessThan(MOST_SENT * api.timesAsked(prefix))
  expect(told()).toEqual({ rejected: 1, troubled: 0, recovered: 0 })

  // No connection is left waiting for the rest of an answer that nobody reads.
  api.on(prefixOf(3), json({ prefix: prefixOf(3), ...documents[3] }))
  const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
  await writeAlias(prefixOf(3))
  expect(await switched).toMatchObject({ generation: 2, version: prefixOf(3) })
  await serves(3)
}

describe('an answer of 200 MB', () => {
  it.each([
    ['that says how long it is', true],
    ['that does not say how long it is', false],
  ])('%s is given up at the limit, and takes no memory', { timeout: 60_000 }, async (_, announced) => {
    await withCluster(etcd, { fetcher: { maxBytes: MAX_BYTES } }, (cluster) =>
      expectRefused(cluster, cluster.api.endless(200e6, { announced }), `longer than ${MAX_BYTES} bytes`),
    )
  })
})

describe('268 MB that were compressed to less than a thousandth', () => {
  it.each(['gzip', 'br'])(
    'by %s is given up at the limit, and takes no memory',
    {
      timeout: 60_000,
    },
    async (coding) => {
      await withCluster(etcd, { fetcher: { maxBytes: MAX_BYTES } }, (cluster) =>
        expectRefused(cluster, bombs[coding] as Behaviour, `longer than ${MAX_BYTES} bytes`),
      )
    },
  )

  it.each(['gzip, gzip', 'gzip and gzip', 'br, gzip'])(
    'twice, by %s, is not unpacked at all',
    {
      timeout: 60_000,
    },
    async (coding) => {
      const says = `compressed by "${coding.replace(' and ', ', ')}"; expected gzip or br`
      await withCluster(etcd, { fetcher: { maxBytes: MAX_BYTES } }, (cluster) =>
        expectRefused(cluster, bombs[coding] as Behaviour, says),
      )
    },
  )
})

it('an answer that is refused for its coding leaves no connection behind, however often it is given', {
  timeout: 60_000,
}, async () => {
  await withCluster(etcd, {}, async ({ api, proxy, documents, prefixOf, writeAlias, serves, told }) => {
    const prefix = prefixOf(2)
    const behaviour = bombs['gzip, gzip'] as Behaviour
    // Nothing but its own tries: a new alias value would end whatever the old one has left open.
    api.on(prefix, behaviour, behaviour, behaviour, json({ prefix, ...documents[2] }))
    const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
    await writeAlias(prefix)
    expect(await switched).toMatchObject({ generation: 2, version: prefix })
    await serves(2)
    expect(told()).toEqual({ rejected: 1, troubled: 0, recovered: 0 })
  })
})

describe.concurrent('an answer that takes its time', () => {
  const limits = { idleTimeoutMs: 500, timeoutMs: 2_000 }

  it.each([
    ['drips for ever', drip(20), `no complete answer within ${limits.timeoutMs} ms`],
    ['stops in the middle', stallAfter('{"frontends":'), `no byte for ${limits.idleTimeoutMs} ms`],
  ])('and %s is an outage, told once; a newer switch does not wait for it', async (_, behaviour, says) => {
    await withCluster(etcd, { fetcher: limits }, async (cluster) => {
      const { api, proxy, documents, prefixOf, writeAlias, serves, told } = cluster
      api.on(prefixOf(2), behaviour)
      const trouble = nextEvent(proxy, 'providerUnavailable', () => true, 30_000)
      await writeAlias(prefixOf(2))
      const { error } = await trouble
      expect(error).toMatchObject({ code: 'PROXY_CONFIG_UNREACHABLE' })
      expect(error.message).toContain(says)
      await api.untilAsked(prefixOf(2), api.timesAsked(prefixOf(2)) + 1)
      await serves(1)

      api.on(prefixOf(3), json({ prefix: prefixOf(3), ...documents[3] }))
      const recovered = nextEvent(proxy, 'providerRecovered')
      const switched = nextEvent(proxy, 'configChanged', () => true, 30_000)
      await writeAlias(prefixOf(3))
      expect(await switched).toMatchObject({ generation: 2, version: prefixOf(3) })
      await serves(3)
      await recovered
      expect(told()).toEqual({ rejected: 0, troubled: 1, recovered: 1 })
    })
  })

  it('but never pauses for long is taken, though the whole takes longer than any pause may', async () => {
    await withCluster(etcd, { fetcher: { ...limits, timeoutMs: 20_000 } }, async (cluster) => {
      const { api, proxy, documents, prefixOf, writeAlias, serves, told } = cluster
      const prefix = prefixOf(2)
      api.on(prefix, slowly({ prefix, ...documents[2] }, 15, 100))
      const switched = nextEvent(proxy, 'configChanged')
      await writeAlias(prefix)
      const { steps } = await switched
      expect(steps['fetch']).toBeGreaterThan(2 * limits.idleTimeoutMs)
      await serves(2)
      expect(told()).toEqual({ rejected: 0, troubled: 0, recovered: 0 })
    })
  })
})
