import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { ProviderConfig } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { FewDescriptorsOrder, FewDescriptorsWord } from '../support/few-descriptors-child.js'
import { httpGet } from '../support/http-get.js'
import { settled, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const PROGRAM = fileURLToPath(new URL('../support/few-descriptors-child.ts', import.meta.url))
const DESCRIPTORS = 256
const GREEDY = '127.0.0.2'
const HONEST = '127.0.0.3'

/** A proxy in a process that may have few descriptors, before two servers that hold `/hang`. */
async function startShort(limits: FewDescriptorsOrder['limits'] = {}) {
  const held = new Set<ServerResponse>()
  const checked = { count: 0 }
  const start = () =>
    startServer((req, res) => {
      if (req.url === '/health') checked.count += 1
      if (req.url !== '/hang') return void res.end('ok')
      held.add(res)
      res.on('close', () => held.delete(res))
    })
  const [one, two] = [await start(), await start()]
  const config: ProviderConfig = {
    frontends: { all: { backend: 'pool', rule: 'PathPrefix:/' } },
    backends: {
      pool: {
        servers: { one: { url: one.url }, two: { url: two.url.replace('127.0.0.1', 'localhost') } },
        healthCheck: { path: '/health', interval: '100ms' },
      },
    },
  }
  const script = `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`
  const child = spawn('bash', ['-c', script, process.execPath, '--import', 'tsx', PROGRAM], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const words: FewDescriptorsWord[] = []
  child.on('message', (word: FewDescriptorsWord) => words.push(word))
  child.send({ config, limits } satisfies FewDescriptorsOrder)
  const port = () => words.find((word) => word.is === 'listening')?.port ?? 0
  await eventually(() => port() > 0, 'it listens', 30_000)
  return { port: port(), words, held, checked, runs: () => child.exitCode === null }
}

async function openFrom(from: string, port: number, says: string) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  onTestFinished(() => void socket.destroy())
  const greedy = { received: '', closed: false }
  socket.on('error', () => {})
  socket.on('close', () => {
    greedy.closed = true
  })
  socket.on('data', (chunk) => {
    greedy.received += chunk
  })
  await once(socket, 'connect')
  if (says !== '') socket.write(says)
  return greedy
}

const HANG = 'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n'

const ATTACKS: readonly (readonly [name: string, connections: number, says: string])[] = [
  ['600 requests on one connection', 1, HANG.repeat(600)],
  ['300 connections that say nothing', 300, ''],
  ['300 connections with a request each', 300, HANG],
  ['300 connections that are kept alive', 300, 'GET /ok HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['300 connections with ten requests each', 300, HANG.repeat(10)],
  ['300 connections with half a head', 300, 'GET /hang HTTP/1.1\r\nHost'],
  [
    '300 connections with half a body',
    300,
    'POST /hang HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc',
  ],
  [
    '300 connections that go on sending behind an early answer',
    300,
    'POST /hang HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc',
  ],
]

describe.each(ATTACKS)('%s, of one client', (_, connections, says) => {
  it('cost that client alone, and no server', { timeout: 60_000 }, async () => {
    const { port, words, checked, runs } = await startShort()
    for (let n = 0; n < connections; n += 1) await openFrom(GREEDY, port, says).catch(() => {})
    const statuses: number[] = []
    for (let n = 0; n < 30; n += 1)
      statuses.push(await httpGet({ port, from: HONEST, path: '/ok' }).then(({ status }) => status))
    expect(statuses).toEqual(Array(30).fill(200))
    const before = checked.count
    await eventually(() => checked.count > before + 4, 'health checks go on')
    expect(words.filter(({ is }) => is === 'serverDown')).toEqual([])
    expect(words.filter((word) => word.is === 'failed' && word.client === HONEST)).toEqual([])
    expect(runs()).toBe(true)
  })
})

describe('a client whose requests have taken all descriptors', () => {
  it('is refused one more, and told so, and gives one to another client', {
    timeout: 60_000,
  }, async () => {
    const { port, words, held } = await startShort({ pipelined: 1_000 })
    const greedy = await openFrom(GREEDY, port, HANG.repeat(400))
    await eventually(() => held.size > 20, 'its requests have come')
    const before = await settled(() => held.size)
    for (let n = 0; n < 10; n += 1)
      expect((await httpGet({ port, from: HONEST, path: '/ok' })).status).toBe(200)
    // At most one went for each server: a server connection of the other client's serves the rest.
    expect(held.size).toBeGreaterThanOrEqual(before - 2)
    for (const res of held) res.end('held')
    await eventually(() => greedy.closed, 'its connection ends with the first that was refused')
    expect(greedy.received).toMatch(
      /\r\n\r\nheldHTTP\/1\.1 503 [\s\S]*\r\nConnection: close\r\n[\s\S]*PROXY_OUT_OF_RESOURCES\)\n$/,
    )
    expect(words.filter((word) => word.is === 'failed' && word.client === HONEST)).toEqual([])
    expect(words.filter(({ is }) => is === 'serverDown')).toEqual([])
  })
})
