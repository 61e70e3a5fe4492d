import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createProxy } from 'switchover'
import { eventually } from './next-event.js'
import { RawConnection } from './raw-connection.js'

/** What a run of aborts has shown. */
export interface AbortReport {
  readonly aborts: number
  readonly kinds: Readonly<Record<string, number>>
  /** From the moment a client left to the moment its server was told, in milliseconds. */
  readonly noticed: { readonly p50: number; readonly max: number; readonly count: number }
  readonly heapBefore: number
  readonly heapAfter: number
  /** Of clients and of servers, once the last was over, with the proxy still open. */
  readonly socketsLeft: number
  /** What keeps the process running once all is closed. */
  readonly resources: readonly string[]
  readonly wrong: readonly string[]
}

const AT_ONCE = 24
const WARM_UP = 600
const SEVERAL_MS = 30_000

/** Whoever waits to hear that the server's side of a request is over, by the request's number. */
const overs = new Map<string, (at: number) => void>()
/** Requests that have come to a server that says nothing to them. */
const arrived = new Set<string>()
const wrong: string[] = []
const noticed: number[] = []
const kinds: Record<string, number> = {}
let next = 0

/** A server that does what the path says, and tells when it was left. */
const server = createServer((req, res) => {
  const [kind = '', number = ''] = (req.url ?? '').slice(1).split('/')
  watch(req.socket, number, res)
  if (kind === 'hold' || kind === 'upload') arrived.add(number)
  req.on('error', () => {})
  req.resume()
  if (kind === 'dies') req.socket[Number(number) % 2 ? 'destroy' : 'resetAndDestroy']()
  else if (kind === 'download' || kind === 'dies-in-body') res.write('first')
  if (kind === 'dies-in-body')
    setImmediate(() => req.socket[Number(number) % 2 ? 'destroy' : 'resetAndDestroy']())
})
const ends = new Map<string, Socket>()
server.on('upgrade', (req, socket: Socket) => {
  const [, number = ''] = (req.url ?? '').slice(1).split('/')
  watch(socket, number)
  ends.set(number, socket)
  socket.on('close', () => ends.delete(number))
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  socket.resume()
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst')
})

function watch(socket: Socket, number: string, res?: ServerResponse): void {
  ;(res ?? socket).on('close', () => {
    overs.get(number)?.(performance.now())
    overs.delete(number)
  })
}

type Leave = 'reset' | 'end' | 'destroy'

function leave(client: RawConnection, how: Leave): void {
  if (how === 'reset') client.reset()
  else if (how === 'end') client.socket.end()
  else client.socket.destroy()
}

/** A client that leaves, and how long its server was left in the dark. */
async function clientLeaves(port: number, kind: string, how: Leave): Promise<void> {
  const number = String(++next)
  const client = await RawConnection.open(port)
  const told = new Promise<number>((resolve) => overs.set(number, resolve))
  if (kind === 'upload')
    client.sendHead(`POST /${kind}/${number} HTTP/1.1`, 'Host: a', 'Content-Length: 1000').send('half')
  else if (kind === 'tunnel')
    client.sendHead(`GET /${kind}/${number} HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
  else client.sendHead(`GET /${kind}/${number} HTTP/1.1`, 'Host: a')
  if (kind === 'hold' || kind === 'upload') await eventually(() => arrived.delete(number), `${kind} arrives`)
  else await client.until('first', SEVERAL_MS)
  const left = performance.now()
  leave(client, how)
  noticed.push((await within(told, `the server of ${kind} ${how} is told`)) - left)
  await client.untilClosed(SEVERAL_MS)
}

async function serverDies(port: number, kind: string): Promise<void> {
  const client = await RawConnection.open(port)
  client.sendHead(`GET /${kind}/${++next} HTTP/1.1`, 'Host: a', 'Connection: close')
  const received = await client.untilClosed(SEVERAL_MS)
  const expected = {
    dies: /^HTTP\/1\.1 502 /,
    stalls: /^HTTP\/1\.1 504 /,
    'dies-in-body': /^HTTP\/1\.1 200 /,
  }
  if (!expected[kind as keyof typeof expected].test(received)) wrong.push(`${kind}: ${received}`)
  // Never a clean end: what broke off must not be taken for whole.
  if (kind === 'dies-in-body' && /\r\n0\r\n/.test(received)) wrong.push(`${kind}: ended cleanly: ${received}`)
}

async function serverCutsTunnel(port: number, how: 'destroy' | 'resetAndDestroy'): Promise<void> {
  const number = String(++next)
  const client = await RawConnection.open(port)
  client.sendHead(`GET /tunnel/${number} HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket')
  await client.until('first', SEVERAL_MS)
  ends.get(number)?.[how]()
  await client.untilClosed(SEVERAL_MS)
}

async function within(promise: Promise<number>, what: string): Promise<number> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${SEVERAL_MS} ms: ${what}`)), SEVERAL_MS)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

const KINDS: readonly [string, (port: number) => Promise<void>][] = [
  ...(['hold', 'upload', 'download', 'tunnel'] as const).flatMap((kind) =>
    (['reset', 'end', 'destroy'] as const).map((how): [string, (port: number) => Promise<void>] => [
      `client leaves: ${kind}, ${how}`,
      (port) => clientLeaves(port, kind, how),
    ]),
  ),
  ['server dies before its head', (port) => serverDies(port, 'dies')],
  ['server dies in its body', (port) => serverDies(port, 'dies-in-body')],
  ['server cuts a tunnel', (port) => serverCutsTunnel(port, 'destroy')],
  ['server resets a tunnel', (port) => serverCutsTunnel(port, 'resetAndDestroy')],
]
/** It lasts as long as responseHeadMs, so it is not every one's turn. */
const STALLS_EVERY = 40

async function abort(port: number, count: number): Promise<void> {
  let begun = 0
  const work = async () => {
    while (begun < count) {
      const turn = begun++
      const [name, play] = KINDS[turn % KINDS.length] as (typeof KINDS)[number]
      const stalls = turn % STALLS_EVERY === STALLS_EVERY - 1
      const kind = stalls ? 'server stalls' : name
      kinds[kind] = (kinds[kind] ?? 0) + 1
      await (stalls ? serverDies(port, 'stalls') : play(port)).catch((error: Error) =>
        wrong.push(`${kind}: ${error.message}`),
      )
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

async function heapAtRest(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let times = 0; times < 6; times++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
    least = Math.min(least, process.memoryUsage().heapUsed)
  }
  return least
}

async function run(aborts: number): Promise<AbortReport> {
  const before = process.getActiveResourcesInfo()
  process.on('uncaughtException', (error) => wrong.push(`thrown: ${error.stack}`))
  process.on('unhandledRejection', (error) => wrong.push(`rejected: ${String(error)}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const proxy = createProxy({
    config: {
      frontends: { all: { backend: 'all', rule: 'PathPrefix:/' } },
      backends: { all: { servers: { only: { url } } } },
    },
    timeouts: { responseHeadMs: 1_000, upstreamKeepAliveMs: 1_000, keepAliveMs: 1_000 },
  })
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  const quiet = () => eventually(() => sockets() === 0, 'all sockets close', SEVERAL_MS).catch(() => {})
  await abort(port, Math.min(aborts, WARM_UP))
  await quiet()
  const heapBefore = await heapAtRest()
  noticed.length = 0
  for (const kind of Object.keys(kinds)) delete kinds[kind]
  await abort(port, aborts)
  await quiet()
  const socketsLeft = sockets()
  const sorted = noticed.splice(0).sort((a, b) => a - b)
  const heapAfter = await heapAtRest()
  await proxy.close({ drainMs: 0 })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await eventually(() => left(before).length === 0, 'nothing is left', SEVERAL_MS).catch(() => {})
  return {
    aborts,
    kinds,
    noticed: { p50: sorted[sorted.length >> 1] ?? 0, max: sorted.at(-1) ?? 0, count: sorted.length },
    heapBefore,
    heapAfter,
    socketsLeft,
    resources: left(before),
    wrong,
  }
}

/** What is active beside what was before, and the timer that asks. */
function left(before: readonly string[]): string[] {
  const now = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout' && name !== 'Immediate')
  for (const name of before) {
    const at = now.indexOf(name)
    if (at >= 0) now.splice(at, 1)
  }
  return now
}

process.once('message', async (aborts: number) => {
  const report = await run(aborts)
  process.send?.(report, () => process.disconnect())
})
