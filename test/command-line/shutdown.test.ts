import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CommandChild } from '../support/command-child.js'
import { folderWith, rules } from '../support/documents.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'
import { RawConnection } from '../support/raw-connection.js'

const ACCEPTING =
  /^closing: requests are accepted for 3600 s more, while \/ready says 503; \d+ under way now$/m
const DRAINING =
  /^closing: requests under way have 3600 s to finish, new connections are not accepted; \d+ under way now$/m

let slow: Server
let asked = 0
let child: CommandChild
let client: RawConnection | undefined

beforeEach(async () => {
  asked = 0
  slow = createServer((_req, res) => {
    asked += 1
    res.writeHead(200).write('half')
  }).listen(0, '127.0.0.1')
  await eventually(() => slow.listening, 'the server listens')
})
afterEach(() => {
  child.kill()
  client?.socket.destroy()
  slow.closeAllConnections()
  slow.close()
})

/** Runs a proxy with a response under way that has no end. */
async function start(acceptS: number): Promise<{ port: number; status: number; client: RawConnection }> {
  const cwd = await folderWith({
    'rules.toml': rules(`http://127.0.0.1:${(slow.address() as AddressInfo).port}`),
  })
  child = new CommandChild(
    [
      ...['--entryPoints.http.address=127.0.0.1:0', '--web.address=:0', '--file.filename=rules.toml'],
      ...[`--lifeCycle.requestAcceptGraceTimeout=${acceptS}`, '--lifeCycle.graceTimeOut=1h'],
    ],
    { cwd },
  )
  const [port, status] = [await child.port('http'), await child.port('status')]
  await child.sees(/^ready$/m)
  const held = await RawConnection.open(port)
  client = held
  held.sendHead('GET / HTTP/1.1', 'Host: a')
  await held.until('half')
  return { port, status, client: held }
}

describe('switchover run ends a step with each signal', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s: accept, drain, cut', async (signal) => {
    const { port, status, client } = await start(3_600)
    child.signal(signal)
    await child.sees(ACCEPTING)
    expect((await httpGet({ port: status, path: '/ready' })).status).toBe(503)
    const more = await RawConnection.open(port)
    more.sendHead('GET / HTTP/1.1', 'Host: a')
    await more.until('half')
    expect(asked).toBe(2)

    child.signal(signal)
    await child.sees(DRAINING)
    expect(child.stderr).toContain(`closing: ${signal} again, so the next step begins`)
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect((await httpGet({ port: status, path: '/ready' })).status).toBe(503)
    expect([client.closed, more.closed]).toEqual([false, false])

    child.signal(signal)
    expect(await child.ended()).toBe(0)
    expect(child.stderr).toMatch(/^closed: 2 requests were cut$/m)
    await Promise.all([client.untilClosed(), more.untilClosed()])
  })

  it('without a time to accept begins with the drain, and the two signals may differ', async () => {
    const { port } = await start(0)
    child.signal('SIGTERM')
    await child.sees(DRAINING)
    expect(child.stderr).not.toMatch(/requests are accepted/)
    await expect(httpGet({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    child.signal('SIGINT')
    expect(await child.ended()).toBe(0)
    expect(child.stderr).toMatch(/^closed: 1 request was cut$/m)
  })

  it('reloads while requests are accepted: what the file delivers then is served', async () => {
    const { port } = await start(3_600)
    child.signal('SIGTERM')
    await child.sees(ACCEPTING)
    child.signal('SIGHUP')
    await child.sees(/^reloaded$/m)
    const more = await RawConnection.open(port)
    more.sendHead('GET / HTTP/1.1', 'Host: a')
    await more.until('half')
    more.socket.destroy()
  })
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('%s during the cut ends it at once, with %d', async (signal, code) => {
    child = new CommandChild([], { program: 'test/support/slow-stop-child.ts' })
    await child.port('http')
    child.signal(signal)
    // Nothing is under way: the drain is over at once, and what is left is the provider.
    await child.sees(/^stopping$/m)
    child.signal(signal)
    expect(await child.ended()).toBe(code)
    expect(child.stderr).not.toMatch(/^closed/m)
  })

  it('a signal again and again ends it, whatever was to be waited for', async () => {
    await start(3_600)
    await eventually(() => {
      child.signal('SIGINT')
      return child.child.exitCode !== null || child.child.signalCode !== null
    }, 'it ends')
    // When all is closed, signals are the process's own again.
    expect([0, 130, 'SIGINT']).toContain(await child.ended())
  })
})
