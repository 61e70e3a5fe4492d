import { readFileSync } from 'node:fs'
import { createServer as createPlain, type RequestListener, type Server } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createProxy, serverOptions, type Timeouts } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { keepAliveOptions } from '../../src/base/tcp-keep-alive.js'
import { Authority } from '../support/etcd-tls.js'
import { routeTo, startMisbehaving } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const HELD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

const DOORS = ['listen', 'attach', 'attach over TLS', 'serverOptions', 'serverOptions over TLS'] as const
type Door = (typeof DOORS)[number] | 'bare handler'

// The kernel's own table: a timer of kind 2 is that of keep-alive, in hundredths of a second (proc_net_tcp.txt).
describe.skipIf(process.platform !== 'linux')('keep-alive of TCP', () => {
  it.each(DOORS)('is on for accepted connections and for those to servers: %s', async (door) => {
    const { client, server } = await exchange(door, GET, HELD)
    expect({ client: client(), server: server() }).toEqual({ client: 60, server: 60 })
  })

  it.each([...DOORS, 'bare handler'] as const)('is on for both sides of a tunnel: %s', async (door) => {
    const { client, server } = await exchange(door, UPGRADE, SWITCHED)
    expect({ client: client(), server: server() }).toEqual({ client: 60, server: 60 })
  })

  it.each([
    [90_000, 90],
    [600_000, 600],
    [Number.POSITIVE_INFINITY, undefined],
  ])('begins after tcpKeepAliveMs: %d', async (tcpKeepAliveMs, seconds) => {
    for (const door of ['listen', 'attach', 'serverOptions'] as const) {
      const { client, server } = await exchange(door, UPGRADE, SWITCHED, { tcpKeepAliveMs })
      expect([door, client(), server()]).toEqual([door, seconds, seconds])
    }
  })
})

it.each([
  [1, 1_000],
  [1_000, 1_000],
  [1_001, 2_000],
  [Number.MAX_SAFE_INTEGER, 32_767_000],
])('keep-alive of TCP is in whole seconds, as many as the system can count: %d', (ms, delay) => {
  expect(keepAliveOptions(ms)).toEqual({ keepAlive: true, keepAliveInitialDelay: delay })
})

/** Sends a request, and gives the keep-alive of both of the proxy's connections, in seconds, while the answer lasts. */
async function exchange(door: Door, request: string, answer: string, timeouts: Partial<Timeouts> = {}) {
  const accepted: Socket[] = []
  const server = await startMisbehaving((socket) => {
    accepted.push(socket)
    socket.write(answer)
  })
  const proxy = createProxy({ config: routeTo(server.url), timeouts })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const port = await openDoor(door, proxy, timeouts)
  const at = { port, host: '127.0.0.1', rejectUnauthorized: false }
  const client = door.endsWith('TLS') ? connectTls(at) : connect(at)
  onTestFinished(() => void client.destroy())
  let received = ''
  client.on('data', (chunk) => {
    received += chunk
  })
  client.on('error', () => {}).write(request)
  await eventually(() => received.includes('hello'), 'the answer')
  const [there] = accepted as [Socket]
  const ends = [
    [port, client.localPort],
    [there.remotePort, there.localPort],
  ] as const
  // What was just written is acknowledged at once on the loopback; until then another timer may stand there.
  await eventually(
    () => ends.every(([local, remote]) => timerOf(local, remote).kind !== 1),
    'no byte is under way',
  )
  return { client: () => secondsOf(...ends[0]), server: () => secondsOf(...ends[1]) }
}

async function openDoor(door: Door, proxy: ReturnType<typeof createProxy>, timeouts: Partial<Timeouts>) {
  if (door === 'listen') return (await proxy.listen({ port: 0, host: '127.0.0.1' })).port
  const options = door.startsWith('serverOptions') ? serverOptions({ timeouts }) : {}
  const certified = async () => (await Authority.create('known')).sign()
  const server: Server = door.endsWith('TLS')
    ? createSecure({ ...(await certified()), ...options })
    : createPlain(options)
  const handler: RequestListener = (req, res) => proxy.handler(req, res)
  if (door.startsWith('attach')) proxy.attach(server)
  else server.on('request', handler).on('upgrade', proxy.upgrade)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

function secondsOf(local?: number, remote?: number): number | undefined {
  const { kind, hundredths } = timerOf(local, remote)
  // In tens: the timer runs down while the test looks at it.
  return kind === 2 ? Math.ceil(hundredths / 1_000) * 10 : undefined
}

/** The timer of the connection between two ports of this machine, as its one end has it. */
function timerOf(local?: number, remote?: number): { kind: number; hundredths: number } {
  const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0')
  const ends = new RegExp(`^\\s*\\d+: \\w+:${hex(local)} \\w+:${hex(remote)} 01 \\S+ (\\d\\d):(\\w+) `, 'm')
  const [, kind, hundredths] = ends.exec(readFileSync('/proc/net/tcp', 'latin1')) ?? []
  if (kind === undefined || hundredths === undefined) throw new Error('no such connection')
  return { kind: Number(kind), hundredths: Number.parseInt(hundredths, 16) }
}
