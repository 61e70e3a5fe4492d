import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { EtcdConnection } from 'switchover'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from '../../support/etcd-server.js'
import { Authority, TlsFolder } from '../../support/etcd-tls.js'
import { HostileApi, json, silent } from '../../support/hostile-api.js'
import { HostileLink } from '../../support/hostile-link.js'
import { eventually } from '../../support/next-event.js'
import type { Order, Stopped } from '../../support/stopping-child.js'

let etcd: EtcdServer
let api: HostileApi
let child: ChildProcess
const words: (string | Stopped)[] = []
const links: HostileLink[] = []

beforeAll(async () => {
  // A process with nothing in it but the provider: a test runner has timers and sockets of its own.
  const program = fileURLToPath(new URL('../../support/stopping-child.ts', import.meta.url))
  child = fork(program, { execArgv: ['--import', 'tsx'] })
  child.on('message', (word: string | Stopped) => words.push(word))
  etcd = await EtcdServer.start()
  api = await HostileApi.start()
  api.on('/silent', silent).on(
    '/served',
    json({
      frontends: { web: { backend: 'web', rule: 'Host:www.baidu.com' } },
      backends: { web: { servers: { only: { url: 'http://127.0.0.1:9' } } } },
    }),
  )
  await until('here')
})

afterAll(async () => {
  child?.kill('SIGKILL')
  for (const link of links) await link.cut()
  await api?.close()
  await etcd?.stop()
})

const order = (what: Order) => child.send(what)
const until = (word: string) => eventually(() => words.includes(word), `it has ${word}`)

let followers = 0

type Follower = Awaited<ReturnType<typeof follower>>

/** A follower of an alias of its own, with this value if any, over a link of its own. */
async function follower(value?: string, port = () => etcd.port) {
  followers += 1
  const aliasKey = `/traefik/cluster-${followers}/alias`
  if (value !== undefined) await etcd.put(aliasKey, value)
  const link = await HostileLink.to(port)
  links.push(link)
  words.length = 0
  const start = (how: Partial<EtcdConnection> = {}) =>
    order({ hosts: link.url, aliasKey, url: api.url, ...how })
  return { link, start }
}

async function expectGone(): Promise<void> {
  order('stop')
  const answer = () => words.find((word) => typeof word === 'object')
  await eventually(() => answer() !== undefined, 'it has stopped')
  // Looked for during twenty seconds at most: etcd3 takes one to give up a connection that it is making.
  expect((answer() as Stopped).left).toEqual([])
}

describe('a stopped EtcdAliasProvider is gone, and leaves no timer and no socket', () => {
  it('right after its start', async () => {
    const { start } = await follower()
    start()
    await until('started')
    await expectGone()
  })

  it('after it delivered', async () => {
    const { start, link } = await follower('/served')
    start()
    await until('delivered')
    await expectGone()
    await eventually(() => link.open === 0, 'its connections are closed')
  })

  it('while etcd is down', async () => {
    const { start, link } = await follower()
    await link.cut()
    start()
    await until('unavailable')
    await expectGone()
  })

  it('while the API does not answer', async () => {
    const { start } = await follower('/silent')
    start()
    await api.untilAsked('/silent', 1)
    await expectGone()
  })

  it('while the watch is not acknowledged', async () => {
    const { start, link } = await follower()
    link.fate = () => 'swallow'
    start()
    await eventually(() => link.accepted === 1, 'it connects')
    await expectGone()
  })

  it('while a read is not answered', async () => {
    const { start, link } = await follower()
    link.fate = (connection) => (connection % 2 === 0 ? 'swallow' : 'pass')
    start()
    await eventually(() => link.accepted === 2, 'it reads')
    await expectGone()
  })

  it('while etcd stands still after it delivered', async () => {
    const { start } = await follower('/served')
    start()
    await until('delivered')
    await etcd.pause()
    try {
      await expectGone()
    } finally {
      etcd.resume()
    }
  })

  it('while etcd stands still before it answered', async () => {
    const { start, link } = await follower()
    await etcd.pause()
    try {
      start()
      await eventually(() => link.accepted === 1, 'it connects')
      await expectGone()
    } finally {
      etcd.resume()
    }
  })
})

describe('a stopped EtcdAliasProvider that was never let in is gone just the same', () => {
  let authority: Authority
  let stranger: Authority
  let folder: TlsFolder
  /** Asks for a client certificate, over TLS. */
  let strict: EtcdServer

  beforeAll(async () => {
    authority = await Authority.create('the right one')
    stranger = await Authority.create('another one')
    folder = await TlsFolder.create()
    strict = await EtcdServer.start({ tls: await folder.files(await authority.sign(), authority) })
  })
  afterAll(async () => {
    await strict?.stop()
    await folder?.[Symbol.asyncDispose]()
  })

  const secure = ({ link }: Follower) => `https://127.0.0.1:${link.port}`
  const followerOverTls = () => follower(undefined, () => strict.tlsPort)

  /** One attempt failed, and others are under way or to come. */
  async function refused({ link }: Follower): Promise<void> {
    await until('unavailable')
    await eventually(() => link.accepted >= 4, 'it is tried again')
  }

  it('for a wrong password', async () => {
    const one = await follower()
    one.start({ auth: { username: 'proxy', password: 'open barley' } })
    await refused(one)
    await expectGone()
  })

  it('for an authority that did not sign', async () => {
    const one = await followerOverTls()
    one.start({ hosts: secure(one), tls: { ca: stranger.cert } })
    await refused(one)
    await expectGone()
  })

  it('for want of a certificate of its own', async () => {
    const one = await followerOverTls()
    one.start({ hosts: secure(one), tls: { ca: authority.cert } })
    await refused(one)
    await expectGone()
  })

  it('for a certificate of another authority', async () => {
    const one = await followerOverTls()
    one.start({ hosts: secure(one), tls: { ca: authority.cert, ...(await stranger.sign()) } })
    await refused(one)
    await expectGone()
  })

  it('while the handshake of TLS is not answered', async () => {
    const one = await followerOverTls()
    one.link.fate = () => 'swallow'
    one.start({ hosts: secure(one), tls: { ca: authority.cert } })
    await eventually(() => one.link.accepted === 1, 'it connects')
    await expectGone()
    await eventually(() => one.link.open === 0, 'its connection is closed', 30_000)
  })

  it('while the handshakes of TLS were not answered, several times', { timeout: 60_000 }, async () => {
    const one = await followerOverTls()
    one.link.fate = () => 'swallow'
    one.start({ hosts: secure(one), tls: { ca: authority.cert } })
    await eventually(() => one.link.accepted >= 3, 'it is tried again', 30_000)
    await expectGone()
    await eventually(() => one.link.open === 0, 'its connections are closed', 30_000)
  })
})
