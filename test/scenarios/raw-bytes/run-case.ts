import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { createProxy, type ReverseProxy } from 'switchover'
import { expect } from 'vitest'
import { eventually } from '../../support/next-event.js'
import { RawConnection } from '../../support/raw-connection.js'
import { type Answer, head, OK, OURS, type Outcome, type RawCase, type Write } from './case.js'
import { PROBE, RawServer } from './raw-server.js'

/** For one step of a case; none of them waits for a clock. */
const LIMIT_MS = 30_000

const probe = head(`GET ${PROBE} HTTP/1.1`, 'Host: probe')
const PROBED = /HTTP\/1\.1 200 OK\r\n(?:[^\r\n]+\r\n)*\r\nprobed$/

/** Runs a case on a proxy and a server of its own. @throws what is not as it should be */
export async function runCase(raw: RawCase): Promise<void> {
  const ends: (() => unknown)[] = []
  try {
    const server = await new RawServer(answersOf(raw)).start()
    ends.unshift(() => server.close())
    const proxy = createProxy({
      config: {
        frontends: { all: { backend: 'all', rule: raw.rule ?? 'PathPrefix:/' } },
        backends: { all: { servers: { only: { url: server.url } } } },
      },
      ...raw.options,
    })
    ends.unshift(() => proxy.close({ drainMs: 0 }))
    const port = await listen(proxy, raw.on, ends)
    await proxy.ready()
    const client = await RawConnection.open(port)
    ends.unshift(() => client.socket.destroy())

    await perform(raw, client, server)
    const outcomes: Outcome[] = raw.or ? [raw, raw.or] : [raw]
    const outcome = await firstToHold(outcomes, client)
    if (raw.unasked !== undefined) await sayUnasked(raw.unasked, server)
    if (outcome.open) await checkOpen(outcome, client)
    await checkServer(outcome.server, server)

    const other = await RawConnection.open(port)
    ends.unshift(() => other.socket.destroy())
    await other.send(probe).until(PROBED)
  } finally {
    for (const end of ends) await end()
  }
}

async function listen(proxy: ReverseProxy, on: RawCase['on'], ends: (() => unknown)[]): Promise<number> {
  if (on === undefined) return (await proxy.listen({ port: 0, host: '127.0.0.1' })).port
  const own = createServer({ insecureHTTPParser: on.startsWith('lenient'), keepAliveTimeout: 65_000 })
  if (!on.startsWith('lenient')) own.maxHeadersCount = 3
  if (on.endsWith('attach')) proxy.attach(own)
  else own.on('request', proxy.handler).on('upgrade', proxy.upgrade)
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  ends.unshift(() => {
    own.close()
    own.closeAllConnections()
  })
  return (own.address() as AddressInfo).port
}

function answersOf({ answer = OK }: RawCase): Answer[] {
  const answers = Array.isArray(answer) ? answer : [answer]
  return answers.map((one: string | Answer) => (typeof one === 'string' ? { bytes: one } : one))
}

async function perform({ send, leaves }: RawCase, client: RawConnection, server: RawServer): Promise<void> {
  client.socket.setNoDelay(true)
  for (const write of typeof send === 'string' ? [send] : (send as readonly Write[])) {
    if (typeof write === 'string') {
      client.send(write)
    } else {
      const { when, has } = write
      if (when === 'client') await client.until(has, LIMIT_MS)
      else await eventually(() => server.received.join('').includes(has), `the server gets ${has}`, LIMIT_MS)
      const { send: bytes } = write
      client.send(typeof bytes === 'string' ? bytes : bytes(server.received.join('')))
    }
    // What is written apart should come apart.
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (leaves) client.socket.end()
}

/** Waits until the client has what it should have; else fails with what it has instead. */
async function firstToHold(outcomes: readonly Outcome[], client: RawConnection): Promise<Outcome> {
  const holds = (outcome: Outcome) => (!outcome.open ? client.closed : true) && fits(outcome, client.received)
  const wrong = () => client.closed && !outcomes.some(holds)
  await eventually(() => outcomes.some(holds) || wrong(), 'the client gets its due', LIMIT_MS).catch(() => {})
  const outcome = outcomes.find(holds)
  if (outcome) return outcome
  const [{ client: wanted, open }] = outcomes as [Outcome]
  const found = masked(client.received)
  if (typeof wanted === 'string') expect({ found, open: !client.closed }).toEqual({ found: wanted, open })
  throw new Error(
    `the client was to get ${wanted}, then ${open ? 'go on' : 'be closed'}; ` +
      `got ${JSON.stringify(found)} and is ${client.closed ? 'closed' : 'open'}`,
  )
}

function fits({ client: wanted, open }: Outcome, received: string): boolean {
  const found = masked(received)
  if (typeof wanted === 'string') return found === wanted
  if (typeof wanted === 'number') return isOneError(wanted, open, found)
  return wanted.test(found)
}

/** One response that says whether the connection ends, with not a byte behind it. */
function isOneError(status: number, open: boolean, found: string): boolean {
  const [start = '', ...rest] = found.split('\r\n\r\n')
  if (start.includes('\r\nConnection: close') === open) return false
  if (!start.startsWith(`HTTP/1.1 ${status} `)) return false
  const body = rest.join('\r\n\r\n')
  if (/^transfer-encoding: chunked$/im.test(start.replaceAll('\r', ''))) return body === '0\r\n\r\n'
  const length = /^content-length: (\d+)$/im.exec(start.replaceAll('\r', ''))?.[1]
  return body.length === Number(length ?? 0)
}

async function sayUnasked(bytes: string, server: RawServer): Promise<void> {
  const sockets = [...server.sockets]
  expect(sockets).toHaveLength(1)
  for (const socket of sockets) socket.write(bytes, 'latin1')
  await eventually(() => sockets.every((socket) => socket.destroyed), 'a connection that talks is closed')
}

async function checkOpen(outcome: Outcome, client: RawConnection): Promise<void> {
  expect(client.closed, 'the connection goes on').toBe(false)
  await client.send(probe).until(PROBED)
  const before = client.received.replace(PROBED, '')
  expect(fits(outcome, before), `nothing but one response before ${JSON.stringify(before)}`).toBe(true)
}

async function checkServer(wanted: Outcome['server'], server: RawServer): Promise<void> {
  const all = wanted === null ? [] : typeof wanted === 'string' ? [wanted] : wanted
  const found = () => server.received.filter((text) => text !== '').map(masked)
  // A server may hear the last of a request later than the client of its response.
  await eventually(() => isDeepStrictEqual(found(), all), 'the server gets its due', LIMIT_MS).catch(() => {})
  expect(found(), 'what the server gets').toEqual(all)
}

/** What no case can know beforehand: our name, ports, the time. */
function masked(text: string): string {
  return text
    .replaceAll(/switchover-[0-9a-f]{8}/g, 'switchover-ID')
    .replaceAll(/^host: 127\.0\.0\.1:\d+\r\n/gm, 'host: (server)\r\n')
    .replaceAll(/^Date: (.*)\r\n/gim, (line, date) => (isNow(date) ? 'Date: (now)\r\n' : line))
    .replaceAll(
      STANDARD,
      (all, hostLine: string, between: string, host: string, port: string, via: string) => {
        const said = hostLine.slice('host: '.length)
        const expected = /:(\d+)$/.exec(said)?.[1] ?? '80'
        return said === host && port === expected
          ? `${hostLine}\r\n${between}${OURS.replace('1.1', via)}\r\n`
          : all
      },
    )
}

const STANDARD =
  /^(host: [^\r\n]*)\r\n((?:[^\r\n]+\r\n)*?)X-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ([^\r\n]*)\r\nX-Forwarded-Port: (\d+)\r\nX-Real-Ip: 127\.0\.0\.1\r\nVia: (1\.[01]) switchover-ID\r\n/gm

function isNow(date: string): boolean {
  return Math.abs(Date.parse(date) - Date.now()) < 60_000
}
