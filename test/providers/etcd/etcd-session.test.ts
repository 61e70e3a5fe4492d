import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { ProxyError } from 'switchover'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { EtcdSession } from '../../../src/providers/etcd/etcd-session.js'
import { freePorts } from '../../support/etcd-ports.js'
import { EtcdServer } from '../../support/etcd-server.js'
import { CREATED, events, HEADER, type Message, ScriptedEtcd } from '../../support/scripted-etcd.js'

const KEY = '/traefik/dev/alias'

let etcd: EtcdServer
const sessions: EtcdSession[] = []

beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())
afterEach(async () => {
  for (const session of sessions.splice(0)) session.close()
  await etcd.delete(KEY)
})

async function open(host = etcd.url, key = KEY) {
  const changed = vi.fn()
  const ended = vi.fn<(cause: ProxyError) => void>()
  const session = await EtcdSession.open({ hosts: host }, host, key, { changed, ended })
  sessions.push(session)
  return { session, changed, ended }
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown as ProxyError,
  )

describe('a session', () => {
  it('reads the value with a revision that changes at each write, even of the same value', async () => {
    await etcd.put(KEY, '/v1')
    const { session } = await open()
    const first = await session.read()
    expect(first.value).toBe('/v1')
    expect(await session.read()).toEqual(first)
    await etcd.put(KEY, '/v1')
    const second = await session.read()
    expect(second.value).toBe('/v1')
    expect(second.revision).not.toBe(first.revision)
  })

  it('reads another revision for a key that was deleted and written again with the same value', async () => {
    await etcd.put(KEY, '/v1')
    const { session } = await open()
    const first = await session.read()
    await etcd.delete(KEY)
    await etcd.put(KEY, '/v1')
    expect((await session.read()).revision).not.toBe(first.revision)
  })

  it('reads that there is no key', async () => {
    const { session } = await open()
    expect(await session.read()).not.toHaveProperty('value')
  })

  it('takes a host without a scheme', async () => {
    await etcd.put(KEY, '/v1')
    const { session } = await open(`127.0.0.1:${etcd.port}`)
    expect((await session.read()).value).toBe('/v1')
  })

  it('rings for a write and for a deletion of its key', async () => {
    const { changed } = await open()
    await etcd.put(KEY, '/v1')
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(1), 30_000)
    await etcd.delete(KEY)
    await vi.waitFor(() => expect(changed).toHaveBeenCalledTimes(2), 30_000)
  })

  it('rings for no other key, not even one that begins with its own', async () => {
    const { changed } = await open()
    for (const key of [`${KEY}/x`, `${KEY}x`, KEY.slice(0, -1), '/']) await etcd.put(key, '/v1')
    await etcd.put(KEY, '/v1')
    await vi.waitFor(() => expect(changed).toHaveBeenCalled(), 30_000)
    expect(changed).toHaveBeenCalledTimes(1)
  })

  it('goes on over a compaction and a defragmentation', async () => {
    const { session, changed, ended } = await open()
    const revision = await etcd.put(KEY, '/v1')
    await etcd.etcdctl('compact', String(revision))
    await etcd.etcdctl('defrag')
    changed.mockClear()
    await etcd.put(KEY, '/v2')
    await vi.waitFor(() => expect(changed).toHaveBeenCalled(), 30_000)
    expect((await session.read()).value).toBe('/v2')
    expect(ended).not.toHaveBeenCalled()
  })

  it('ends once, saying why and where, when etcd dies', async () => {
    const { session, ended } = await open()
    await session.read()
    await etcd.kill()
    await vi.waitFor(() => expect(ended).toHaveBeenCalled(), 30_000)
    const error = await failureOf(session.read())
    expect(error).toBeInstanceOf(ProxyError)
    await etcd.restart()
    expect(ended).toHaveBeenCalledTimes(1)
    const [[cause]] = ended.mock.calls as [[ProxyError]]
    expect(cause.code).toBe('PROXY_ALIAS_UNREACHABLE')
    expect(cause.message).toContain(`etcd ${etcd.url}: `)
    expect(cause.cause).toBeInstanceOf(Error)
  })

  it('ends when a read gets no answer in three seconds, and says nothing after it was closed', async () => {
    const [silent, closed] = [await open(), await open()]
    await etcd.pause()
    try {
      closed.session.close()
      const error = await failureOf(silent.session.read())
      expect(error).toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
      expect(error.message).toMatch(/DEADLINE_EXCEEDED|Deadline exceeded/i)
      expect(silent.ended).toHaveBeenCalledTimes(1)
    } finally {
      etcd.resume()
    }
    await etcd.put(KEY, '/v1')
    await vi.waitFor(async () => expect((await (await open()).session.read()).value).toBe('/v1'), 30_000)
    expect(closed.ended).not.toHaveBeenCalled()
    expect(closed.changed).not.toHaveBeenCalled()
  })

  it('may be closed twice', async () => {
    const { session } = await open()
    session.close()
    session.close()
  })
})

/** Accepts connections and says nothing. */
async function silentServer() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
  })
  const [port] = await freePorts(1)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${port}`,
    connected: once(server, 'connection'),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('opening a session', () => {
  it('fails at once with what the network said if nothing listens', async () => {
    const [port] = await freePorts(1)
    const host = `http://127.0.0.1:${port}`
    const error = await failureOf(open(host))
    expect(error).toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE', source: 'upstream' })
    expect(error.message).toContain(`etcd ${host}: `)
    expect(error.message).toContain('ECONNREFUSED')
  })

  it('fails after two seconds if the other side accepts and says nothing', async () => {
    await using silent = await silentServer()
    const start = performance.now()
    const error = await failureOf(open(silent.url))
    expect(performance.now() - start).toBeGreaterThan(1_900)
    expect(error).toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
    expect(error.message).toContain('no answer within 2000 ms')
  })

  it.each([
    ['watches', undefined],
    ['logs in', { username: 'proxy', password: 'secret' }],
  ])('is given up at once when it is cancelled while it %s', async (_, auth) => {
    await using silent = await silentServer()
    const cancel = new AbortController()
    const connection = { hosts: silent.url, ...(auth && { auth }) }
    const listener = { changed: vi.fn(), ended: vi.fn() }
    const failure = failureOf(EtcdSession.open(connection, silent.url, KEY, listener, cancel.signal))
    await silent.connected
    cancel.abort()
    // Given up by the limit, it would say that there was no answer.
    expect(await failure).toMatchObject({
      code: 'PROXY_ALIAS_UNREACHABLE',
      message: expect.stringMatching(/: (closed|cancelled|.*[Cc]ancel.*)$/),
    })
    expect(listener.ended).not.toHaveBeenCalled()
  })

  it('fails with the reason if etcd refuses the user', async () => {
    const error = await failureOf(
      EtcdSession.open({ hosts: etcd.url, auth: { username: 'proxy', password: 'wrong' } }, etcd.url, KEY, {
        changed() {},
        ended() {},
      }),
    )
    expect(error).toMatchObject({ code: 'PROXY_ALIAS_UNREACHABLE' })
    expect(error.message).toMatch(/authentication is not enabled/)
    expect(error.message).not.toContain('wrong')
  })
})

describe('ranges beside the key', () => {
  const RANGES = ['a', 'b'].map((letter) => ({
    key: Buffer.from(`/${letter}`),
    range_end: Buffer.from(`/${letter}0`),
  }))

  const cancelled = (more: object): Message => ({
    header: HEADER,
    watch_id: '-1',
    created: true,
    canceled: true,
    ...more,
  })

  /** What a session makes of a cancelled first range, after which the second one tells of a write. */
  async function followed(cancel: Message) {
    let watches = 0
    const scripted = await ScriptedEtcd.start(KEY, {
      onWatch: (watch) => {
        watches += 1
        if (watches === 1) watch.write(CREATED)
        if (watches === 2) watch.write(cancel)
        if (watches === 3) watch.write(events('/b'))
      },
    })
    onTestFinished(() => scripted[Symbol.asyncDispose]())
    const { session, ended } = await open(scripted.url)
    const told = new Promise<string>((resolve) => {
      session.followBeside(RANGES, 5n, () => resolve('changed'))
      ended.mockImplementation((cause) => resolve(cause.message))
    })
    return { session, told: await told }
  }

  it('may be refused one by one: the others are watched on, and the session stands', async () => {
    const reason = {
      cancel_reason: 'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    }
    const { session, told } = await followed(cancelled(reason))
    expect(told).toBe('changed')
    expect((await session.read()).value).toBe('/v1')
  })

  it('are told of when what was written since is kept no more', async () => {
    const { session, told } = await followed(cancelled({ compact_revision: '9' }))
    expect(told).toBe('changed')
    expect(session.closed).toBe(false)
  })

  it('end the session when they are cancelled for anything else', async () => {
    const { told } = await followed(cancelled({ cancel_reason: 'etcdserver: no leader' }))
    expect(told).toContain('the watch was cancelled: etcdserver: no leader')
  })

  it('are no longer told of once others are watched', async () => {
    const { session, ended } = await open()
    const [before, after] = [vi.fn(), vi.fn()]
    const { storeRevision } = await session.read()
    session.followBeside(RANGES.slice(0, 1), storeRevision, before)
    session.followBeside(RANGES.slice(1), storeRevision, after)
    await etcd.put('/a/1', 'x')
    await etcd.put('/b/1', 'x')
    await vi.waitFor(() => expect(after).toHaveBeenCalled(), 30_000)
    expect(before).not.toHaveBeenCalled()
    expect(ended).not.toHaveBeenCalled()
  })
})
