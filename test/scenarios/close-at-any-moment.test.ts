import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { EtcdServer } from '../support/etcd-server.js'
import { type Behaviour, drip, HostileApi, json, silent, stallAfter, status } from '../support/hostile-api.js'
import { httpGet } from '../support/http-get.js'
import { ProxyProcess } from '../support/proxy-process.js'
import { UnansweredPort } from '../support/unanswered-port.js'

// P10 in docs/promises.md. The same for the states of etcd: etcd-stopping.test.ts in test/providers.

let etcd: EtcdServer
let api: HostileApi
let server: NamedServer
let child: ProxyProcess | undefined
let folder: string
let clusters = 0

beforeAll(async () => {
  etcd = await EtcdServer.start()
  api = await HostileApi.start()
  server = await NamedServer.start('one')
  folder = await mkdtemp(join(tmpdir(), 'close-'))
})
afterAll(async () => {
  endChild()
  await Promise.all([etcd?.stop(), api?.close(), server?.close()])
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  clusters += 1
  child ??= await ProxyProcess.start()
  child.forget()
})
afterEach(({ task }) => {
  // What one test found left must not be held against the next.
  if (task.result?.state === 'fail') endChild()
})

function endChild(): void {
  child?.kill()
  child = undefined
}

function running(): ProxyProcess {
  if (!child) throw new Error('there is no process')
  return child
}

async function start(behaviour: Behaviour, url = api.url): Promise<{ prefix: string; port: number }> {
  const prefix = `/cluster-${clusters}/v1`
  const aliasKey = `/cluster-${clusters}/alias`
  api.on(prefix, behaviour)
  await etcd.put(aliasKey, prefix)
  const lastGood = join(folder, `${clusters}.json`)
  const process = running()
  process.order({ do: 'start', settings: { hosts: etcd.url, aliasKey, url, lastGood } })
  const { port } = await process.until('listening')
  return { prefix, port }
}

async function expectGone(port: number): Promise<void> {
  const process = running()
  const before = process.words.length
  process.order({ do: 'close' })
  const { closeMs, lingerMs, left } = await process.until('closed', () => true, 30_000)
  console.log(
    `${expect.getState().currentTestName}: ${Math.round(closeMs)} ms, ${Math.round(lingerMs)} ms more`,
  )
  // Looked for during fifteen seconds at most: etcd3 takes one to give up a connection that it is making.
  expect(left).toEqual([])
  // Nothing is told after the end, and nobody listens any more.
  expect(process.words.slice(before).map(({ is }) => is)).toEqual(['closed'])
  await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
}

it('closes at once while it connects to the config API, and leaves nothing', async () => {
  const nowhere = await UnansweredPort.open()
  try {
    const { port } = await start(silent, `http://127.0.0.1:${nowhere.port}/config`)
    // It is told of as any silence is, and tried again.
    const { message } = await running().until('unavailable')
    expect(message).toContain('no byte for 3000 ms')
    await expectGone(port)
  } finally {
    nowhere.close()
  }
})

const asked: Record<string, Behaviour> = {
  'waits for the headers': silent,
  'waits for the rest of a body': stallAfter('{"frontends":'),
  'reads a body that drips': drip(20),
  'waits for the API to catch up': status(404),
}

it.each(Object.keys(asked))('closes at once while it %s, and leaves nothing', async (state) => {
  const { prefix, port } = await start(asked[state] as Behaviour)
  await api.untilAsked(prefix, 1)
  await expectGone(port)
})

it('closes at once while it waits for its next try after an outage, and leaves nothing', async () => {
  const { prefix, port } = await start(status(500))
  await running().until('unavailable')
  await api.untilAsked(prefix, 4)
  await expectGone(port)
})

it('closes at once while it waits for its next try after a refusal, and leaves nothing', async () => {
  const { port } = await start(json({ frontends: {}, backends: {} }))
  await running().until('rejected')
  await expectGone(port)
})

it('closes at once while it serves, and leaves nothing', async () => {
  const { port } = await start(
    json({
      frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
      backends: { web: { servers: { only: { url: server.url } } } },
    }),
  )
  await running().until('changed')
  expect((await httpGet({ port })).body).toBe('one\n')
  await expectGone(port)
})
