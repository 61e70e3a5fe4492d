import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { MemoryWatch } from '../support/memory-watch.js'
import { eventually } from '../support/next-event.js'
import {
  CREATED,
  events,
  HEADER,
  pair,
  reading,
  refusal,
  type Script,
  ScriptedEtcd,
} from '../support/scripted-etcd.js'

const LIMITS = { timeout: 60_000 }
const USER = { username: 'proxy', password: 'open sesame' }
const TOO_MUCH = 4 * 1024 * 1024

interface Lie {
  readonly lies: Partial<Script>
  /** What is told of it. */
  readonly told: string
}

/** Each is told at every attempt, until it is no more. */
const LIES: Readonly<Record<string, Lie>> = {
  'a read without a header': {
    lies: { range: () => ({ kvs: [pair(ALIAS, '/v2')] }) },
    told: 'the answer has no header',
  },
  'a read of another key': {
    lies: { range: () => reading('/other', '/v2') },
    told: 'asked for /alias, but the answer is for /other',
  },
  'a read of bytes that are no message': {
    lies: { range: () => Buffer.from('no message') },
    told: 'parsing error',
  },
  'a read of more than 4 MiB': {
    lies: { range: () => reading(ALIAS, Buffer.alloc(TOO_MUCH, '/')) },
    told: 'the value of /alias is not an alias value: expected a path of at most 1,024 bytes',
  },
  'a read that is refused in words that nobody knows': {
    lies: { range: () => refusal('DATA_LOSS', 'the dog ate it') },
    told: 'the dog ate it',
  },
  'a token that it refuses, and refuses each that it gives': {
    lies: { range: () => refusal('UNAUTHENTICATED', 'etcdserver: invalid auth token') },
    told: 'invalid auth token; the token is new',
  },
  'an old revision of users and roles, for ever': {
    lies: { range: () => refusal('INVALID_ARGUMENT', 'etcdserver: revision of auth store is old') },
    told: 'revision of auth store is old; the token is new',
  },
  'a login that fails for want of a token': {
    lies: { authenticate: () => refusal('UNAUTHENTICATED', 'etcdserver: invalid auth token') },
    told: 'invalid auth token',
  },
  'a watch that is cancelled as soon as it is there': {
    lies: {
      onWatch(watch) {
        watch.write(CREATED)
        watch.write({ header: HEADER, watch_id: '0', canceled: true, cancel_reason: 'for no reason' })
      },
    },
    told: 'the watch was cancelled: for no reason',
  },
  'a watch that is there and cancelled at once, without a header': {
    lies: { onWatch: (watch) => watch.write({ created: true, canceled: true }) },
    told: 'the watch was cancelled',
  },
  'a watch that ends as soon as it is there': {
    lies: {
      onWatch(watch) {
        watch.write(CREATED)
        watch.end()
      },
    },
    told: 'the watch ended',
  },
  'an event of bytes that are no message': {
    lies: { onWatch: (watch) => watch.write(Buffer.from('no message')) },
    told: 'parsing error',
  },
  'an event of more than 4 MiB': {
    lies: {
      onWatch(watch) {
        watch.write(CREATED)
        watch.write({ header: HEADER, events: [{ kv: pair(ALIAS, Buffer.alloc(TOO_MUCH, '/')) }] })
      },
    },
    told: 'Received message larger than max',
  },
}

/** A proxy that follows a scripted etcd, until the end of the test. */
async function followed(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  lies: Partial<Script> = {},
): Promise<{ etcd: ScriptedEtcd; following: FollowingProxy }> {
  const etcd = await ScriptedEtcd.start(ALIAS, lies)
  const following = await FollowingProxy.start(etcd.url, ALIAS, { auth: USER })
  onTestFinished(async () => {
    await following[Symbol.asyncDispose]()
    await etcd[Symbol.asyncDispose]()
  })
  return { etcd, following }
}

// T18 in docs/promises.md; an error that nobody catches fails the run.
describe.concurrent('an etcd that lies', () => {
  it.for(Object.entries(LIES))('at a start, with %s: its lie is told', LIMITS, async ([, lie], test) => {
    const { following } = await followed(test, lie.lies)
    await eventually(() => following.troubles.length > 0, 'it is told', 30_000)
    test.expect(following.troubles[0]).toContain(lie.told)
  })

  it.for(Object.entries(LIES))(
    'later, with %s: that is one outage, with no end of questions',
    LIMITS,
    async ([, { lies }], test) => {
      const { expect } = test
      const { etcd, following } = await followed(test)
      await following.serves('/v1', 30_000)
      const honest = { ...etcd.script }
      const { asked } = etcd
      const before = { ...asked }
      const troubled = following.troubled(30_000)
      Object.assign(etcd.script, lies)
      for (const watch of etcd.watches) watch.end()
      await troubled
      await eventually(() => asked.authenticate >= before.authenticate + 4, 'it is tried again')
      expect(await following.answer()).toBe('/v1')
      // A login and a read in a session; and if the token is refused, both again.
      expect(asked.range - before.range).toBeLessThanOrEqual(asked.authenticate - before.authenticate)
      expect(asked.authenticate - before.authenticate).toBeLessThan(20)

      Object.assign(etcd.script, honest, { range: () => reading(ALIAS, '/v2', '9') })
      await following.serves('/v2', 30_000)
      await following.recovered()
      expect(following.live).toEqual(['/v1', '/v2'])
      expect(following.troubles).toHaveLength(1)
    },
  )

  it('may name watches that nobody has, and leave out what nobody needs', LIMITS, async (test) => {
    const { etcd, following } = await followed(test, {
      onWatch: (watch) => watch.write({ watch_id: '77', created: true }),
      onProgress: (watch) => watch.write({}),
    })
    await following.serves('/v1', 30_000)
    etcd.script.range = () => reading(ALIAS, '/v2', '9')
    for (const watch of etcd.watches) watch.write({ watch_id: '99', events: [{ type: 'DELETE' }, {}] })
    await following.serves('/v2', 30_000)
    test.expect(following.troubles).toEqual([])
  })

  it(
    'is read again for an event of another key, and what the event says is not believed',
    LIMITS,
    async (test) => {
      const { etcd, following } = await followed(test)
      await following.serves('/v1', 30_000)
      const { range } = etcd.asked
      for (const watch of etcd.watches) watch.write(events('/other'))
      await eventually(() => etcd.asked.range > range, 'it is read')
      for (const watch of etcd.watches) watch.write(events(ALIAS))
      await eventually(() => etcd.asked.range > range + 1, 'it is read again')
      etcd.script.range = () => reading(ALIAS, '/v2', '9')
      for (const watch of etcd.watches) watch.write(events(ALIAS))
      await following.serves('/v2', 30_000)
      test.expect(following.live).toEqual(['/v1', '/v2'])
      test.expect(following.troubles).toEqual([])
    },
  )

  it('is followed after it told everybody to go away', LIMITS, async (test) => {
    const { etcd, following } = await followed(test)
    await following.serves('/v1', 30_000)
    const troubled = following.troubled(30_000)
    etcd.sayGoaway()
    await troubled
    etcd.script.range = () => reading(ALIAS, '/v2', '9')
    await following.serves('/v2', 30_000)
    await following.recovered()
    test.expect(following.troubles).toHaveLength(1)
  })
})

// T18 in docs/promises.md
describe('an etcd that talks without end', () => {
  it(
    'of ten thousand events at once, reads are few, memory is little, and the last one counts',
    LIMITS,
    async () => {
      const context = { onTestFinished }
      const { etcd, following } = await followed(context)
      await following.serves('/v1', 30_000)
      const { range } = etcd.asked
      const memory = new MemoryWatch()
      const [watch] = etcd.watches
      for (let event = 1; event < 10_000; event++) watch?.write(events(ALIAS))
      await new Promise((sent) => watch?.write(events(ALIAS), sent))
      etcd.script.range = () => reading(ALIAS, '/v2', '9')
      watch?.write(events(ALIAS))
      await following.serves('/v2', 30_000)
      const reads = etcd.asked.range - range
      expect(reads).toBeGreaterThan(0)
      expect(reads).toBeLessThan(5_000)
      expect(memory.end()).toBeLessThan(200)
      expect(following.fetched).toEqual(['/v1', '/v2'])
      expect(following.troubles).toEqual([])
    },
  )
})

// T18 in docs/promises.md
describe('a server that is no etcd', () => {
  it.for([
    ['answers in HTTP/1.1', 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n', 'is this an etcd?'],
    ['answers in nonsense', '\x00\xff\x07 nonsense '.repeat(1_000), ''],
    ['hangs up', '', 'is this an https host?'],
  ] as const)(
    '%s: is told, and left for the next host',
    LIMITS,
    async ([, answer, words], { onTestFinished }) => {
      const stranger = createServer((socket) => void socket.on('error', () => {}).end(answer, 'latin1'))
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
      const { port } = stranger.address() as { port: number }
      const etcd = await ScriptedEtcd.start(ALIAS)
      const following = await FollowingProxy.start([`http://127.0.0.1:${port}`, etcd.url])
      onTestFinished(async () => {
        await following[Symbol.asyncDispose]()
        await etcd[Symbol.asyncDispose]()
        stranger.close()
      })
      await following.serves('/v1', 30_000)
      expect(following.troubles).toHaveLength(1)
      expect(following.troubles[0]).toContain(`etcd http://127.0.0.1:${port}: `)
      expect(following.troubles[0]).toContain(words)
    },
  )
})
