import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { startSeen } from '../support/seen-proxy.js'

const TOKEN = 'a-token'

async function openAt(port: number, from: string, says: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (says !== '') socket.write(says)
  // What it gets, it never reads.
  return socket
}

const get = (path: string, ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n')
const withToken = `Authorization: Bearer ${TOKEN}`

const ATTACKS: readonly (readonly [name: string, says: string])[] = [
  ['silent connections', ''],
  ['half heads', 'GET /ready HTTP/1.1\r\nHost: loc'],
  ['large half heads', `GET /ready HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(15_000)}`],
  ['connections that are kept alive', get('/ping')],
  ['bodies that never end', 'POST /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx'],
  ['bodies of GET that never end', get('/ready', 'Transfer-Encoding: chunked')],
  ['event streams', get('/api/events', withToken)],
  ['pipelined event streams', get('/api/events', withToken).repeat(20)],
  ['readers of /metrics that do not read', get('/metrics', withToken).repeat(5)],
  ['readers of /api/history that do not read', get('/api/history', withToken).repeat(5)],
]

describe.each([TOKEN, undefined])('with the token %s', (token) => {
  describe.each([
    ['one address', () => '127.0.0.1'],
    ['many addresses', (n: number) => `127.0.0.${2 + (n % 50)}`],
  ])('600 at a time from %s', (_, addressOf) => {
    it.each(ATTACKS)('%s leave /ready, /ping and /metrics answered', async (_name, says) => {
      const { statusPort } = await startSeen(routeTo(await startNamed('one')), {
        status: { address: '127.0.0.1:0', ...(token && { token }) },
      })
      for (let n = 0; n < 600; n += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, k) => openAt(statusPort, addressOf(n + k), says)))
        // Node takes on one connection in a turn: more of them would wait for the system to try again.
        for (let turn = 0; turn < 10; turn += 1) await setImmediate()
      }
      for (const path of ['/ready', '/ping', '/metrics'])
        for (const from of ['127.0.0.1', '127.0.0.200']) {
          const headers = { authorization: `Bearer ${TOKEN}` }
          expect({ path, from, ...(await httpGet({ port: statusPort, path, from, headers })) }).toMatchObject(
            {
              path,
              status: 200,
            },
          )
        }
    })
  })
})

describe('event streams', () => {
  it('are twenty of one address, and those of others have room', async () => {
    const { statusPort } = await startSeen(routeTo(await startNamed('one')))
    const answers = new Map<string, number[]>()
    const ask = async (from: string) => {
      const socket = await openAt(statusPort, from, get('/api/events'))
      const [head] = (await once(socket, 'data')) as [Buffer]
      answers.set(from, [...(answers.get(from) ?? []), Number(String(head).slice(9, 12))])
      return socket
    }
    for (let n = 0; n < 21; n += 1) await ask('127.0.0.2')
    expect(answers.get('127.0.0.2')?.filter((status) => status === 200)).toHaveLength(20)
    expect(answers.get('127.0.0.2')?.at(-1)).toBe(503)
    for (let n = 0; n < 80; n += 1) await ask(`127.0.1.${n % 4}`)
    await ask('127.0.0.9')
    expect(answers.get('127.0.0.9')).toEqual([200])
  })

  it("are capped for an address in a host's server too", async () => {
    const proxy = createProxy({ config: routeTo(await startNamed('one')), status: {} })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.ready()
    const own = createServer((req, res) => proxy.statusHandler(req, res, () => void res.end('own')))
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      own.closeAllConnections()
      own.close()
    })
    const { port } = own.address() as { port: number }
    let answered = 0
    for (let n = 0; n < 500; n += 1) {
      const socket = await openAt(port, '127.0.0.1', get('/api/events'))
      socket.once('data', () => {
        answered += 1
      })
    }
    await eventually(() => answered === 500, 'all are answered')
    for (const path of ['/ready', '/ping', '/metrics', '/other'])
      expect((await httpGet({ port, path })).status).toBe(200)
    expect((await httpGet({ port, path: '/api/events' })).status).toBe(503)
    expect((await httpGet({ port, path: '/api/events', from: '127.0.0.9', method: 'HEAD' })).status).toBe(200)
  })
})

it('an answer that is not over in 30 s is cut', async () => {
  const proxy = createProxy({ config: routeTo(await startNamed('one')), status: {} })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  let hasBegun = false
  const own = createServer((req, res) => {
    // As if its client read nothing of it.
    res.end = () => {
      hasBegun = true
      return res
    }
    proxy.statusHandler(req, res)
  })
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void own.close())
  const socket = await openAt((own.address() as { port: number }).port, '127.0.0.1', get('/ready'))
  const closed = once(socket.resume(), 'close')
  while (!hasBegun) await setImmediate()
  vi.advanceTimersByTime(29_000)
  expect(socket.destroyed).toBe(false)
  vi.advanceTimersByTime(1_000)
  await closed
})
