import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from '../support/etcd-server.js'
import { HostileApi, json, silent } from '../support/hostile-api.js'
import { HostileLink } from '../support/hostile-link.js'
import { eventually } from '../support/next-event.js'

const KEY = '/traefik/dev/alias'
const child = fileURLToPath(new URL('./stopping-child.ts', import.meta.url))
const document = {
  frontends: { web: { backend: 'web', rule: 'Host:www.baidu.com' } },
  backends: { web: { servers: { only: { url: 'http://127.0.0.1:9' } } } },
}

let etcd: EtcdServer
let api: HostileApi
const links: HostileLink[] = []
const children: ChildProcess[] = []

beforeAll(async () => {
  etcd = await EtcdServer.start()
  api = await HostileApi.start()
  api.on('/served', json(document)).on('/silent', silent)
})

afterAll(async () => {
  for (const process of children) process.kill('SIGKILL')
  for (const link of links) await link.cut()
  await api?.close()
  await etcd?.stop()
})

/** How long a process may go on after a stop: etcd3 waits a second before it gives up a connection that it is making. */
const LINGER_MS = 1_500

/** A process that follows the alias over a link of its own. */
async function follower() {
  const link = await HostileLink.to(() => etcd.port)
  links.push(link)
  const words: unknown[] = []
  let exitedAt: number | undefined
  let process: ChildProcess
  return {
    link,
    launch() {
      process = fork(child, [link.url, KEY, api.url], { execArgv: ['--import', 'tsx'] })
      children.push(process)
      process.on('message', (word) => words.push(word))
      process.on('exit', () => {
        exitedAt = performance.now()
      })
    },
    until: (word: string) => eventually(() => words.includes(word), `it is ${word}`),
    /** The stop takes no second, and then nothing is left that would keep the process running. */
    async stop() {
      const { length } = words
      process.send('stop')
      const answer = () => words.slice(length).find((word) => typeof word === 'object')
      await eventually(() => answer() !== undefined, 'it has stopped')
      const stoppedAt = performance.now()
      expect((answer() as { stopMs: number }).stopMs).toBeLessThan(1_000)
      await eventually(() => exitedAt !== undefined, 'the process ends')
      expect((exitedAt ?? 0) - stoppedAt).toBeLessThan(LINGER_MS)
      expect(process.exitCode).toBe(0)
    },
  }
}

describe('a stopped EtcdAliasProvider is gone within a second, and leaves no timer and no socket', () => {
  it('after it delivered', async () => {
    await etcd.put(KEY, '/served')
    const { launch, until, stop, link } = await follower()
    launch()
    await until('delivered')
    await stop()
    await eventually(() => link.open === 0, 'its connections are closed')
  })

  it('right after its start', async () => {
    const { launch, until, stop } = await follower()
    launch()
    await until('started')
    await stop()
  })

  it('while etcd is down', async () => {
    const { launch, until, stop, link } = await follower()
    await link.cut()
    launch()
    await until('troubled')
    await stop()
  })

  it('while the API does not answer', async () => {
    await etcd.put(KEY, '/silent')
    const { launch, stop } = await follower()
    launch()
    await api.untilAsked('/silent', 1)
    await stop()
  })

  it('while the watch is not acknowledged', async () => {
    const { launch, stop, link } = await follower()
    link.fate = () => 'swallow'
    launch()
    await eventually(() => link.accepted === 1, 'it connects')
    await stop()
  })

  it('while a read is not answered', async () => {
    const { launch, stop, link } = await follower()
    link.fate = (connection) => (connection % 2 === 0 ? 'swallow' : 'pass')
    launch()
    await eventually(() => link.accepted === 2, 'it reads')
    await stop()
  })

  it('while etcd stands still after it delivered', async () => {
    await etcd.put(KEY, '/served')
    const { launch, until, stop } = await follower()
    launch()
    await until('delivered')
    await etcd.pause()
    try {
      await stop()
    } finally {
      etcd.resume()
    }
  })

  it('while etcd has stood still since before it came', async () => {
    const { launch, stop, link } = await follower()
    await etcd.pause()
    try {
      launch()
      await eventually(() => link.accepted === 1, 'it connects')
      await stop()
    } finally {
      etcd.resume()
    }
  })
})
