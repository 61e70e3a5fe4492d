import { statSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { Agent, createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { CommandChild } from '../support/command-child.js'
import { folderWith, rules } from '../support/documents.js'
import { httpGet } from '../support/http-get.js'
import { listening } from '../support/listening.js'
import { eventually } from '../support/next-event.js'
import { RawConnection } from '../support/raw-connection.js'

let blue: NamedServer
const children: CommandChild[] = []

beforeAll(async () => {
  blue = await NamedServer.start('blue')
})
afterAll(() => blue.close())
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

const FILE = '[file]\nfilename = "rules.toml"\n'
const point = (name: string, address: string, more = '') =>
  `[entryPoints.${name}]\naddress = "${address}"\n${more}\n`

async function startWith(text: string) {
  const cwd = await folderWith({ 'traefik.toml': text + FILE, 'rules.toml': rules(blue.url) })
  const child = new CommandChild([], { cwd })
  children.push(child)
  await child.sees(/^ready$/m)
  let reloads = 0
  const reload = async (next: string, sees = /^reloaded$/gm) => {
    await writeFile(join(cwd, 'next'), next + FILE)
    await rename(join(cwd, 'next'), join(cwd, 'traefik.toml'))
    reloads += 1
    child.signal('SIGHUP')
    await eventually(() => [...child.stderr.matchAll(/^(?:not )?reloaded/gm)].length === reloads, 'a reload')
    await child.sees(sees)
  }
  return { child, cwd, reload }
}

const answerAt = async (port: number, path = '/') => (await httpGet({ port, path })).body.trim()
const isClosed = (port: number) =>
  httpGet({ port }).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED',
  )
/** Where an entry point listens, by the last line that says so. */
const lastPortOf = (child: CommandChild, name: string) =>
  Number(
    [...child.stdout.matchAll(new RegExp(`^${name} listens on http://[\\d.]+:(\\d+)$`, 'gm'))].at(-1)?.[1],
  )

describe('entry points at SIGHUP', () => {
  it('are opened, moved and closed, and say so; nothing needs a restart', async () => {
    const { child, reload } = await startWith(
      `defaultEntryPoints = ["http", "gone", "new"]\n${point('http', '127.0.0.1:0')}${point('gone', '127.0.0.1:0')}`.replace(
        ', "new"',
        '',
      ),
    )
    const [http, gone] = [await child.port('http'), await child.port('gone')]
    await reload(
      `defaultEntryPoints = ["http", "new"]\n${point('http', '127.0.0.1:00')}${point('new', '127.0.0.1:0')}`,
    )
    const [moved, added] = [lastPortOf(child, 'http'), await child.port('new')]
    expect(moved).not.toBe(http)
    expect([await answerAt(moved), await answerAt(added)]).toEqual(['blue', 'blue'])
    expect([await isClosed(http), await isClosed(gone)]).toEqual([true, true])
    expect(child.stderr).toContain('gone no longer listens')
    expect(child.stderr).not.toContain('restart')
  })

  it('get other trusted proxies and another mode of their socket', async () => {
    const trusting = (ips: string) => `[entryPoints.http.forwardedHeaders]\ntrustedIPs = [${ips}]`
    const log = 'logLevel = "OFF"\ndefaultEntryPoints = ["http", "local"]\n[accessLog]\nformat = "json"\n'
    const { child, cwd, reload } = await startWith(
      log + point('http', '127.0.0.1:0', trusting('')) + point('local', 'unix:local.sock', 'mode = "600"'),
    )
    const port = await child.port('http')
    const claimed = { 'x-forwarded-for': '192.0.2.7' }
    await httpGet({ port, headers: claimed })
    await child.sees(/"ClientHost":"127\.0\.0\.1"/, 'stdout')
    await reload(
      log +
        point('http', '127.0.0.1:0', trusting('"127.0.0.1"')) +
        point('local', 'unix:local.sock', 'mode = "660"'),
    )
    expect(lastPortOf(child, 'http')).toBe(port)
    await httpGet({ port, headers: claimed })
    await child.sees(/"ClientHost":"192\.0\.2\.7"/, 'stdout')
    expect((statSync(join(cwd, 'local.sock')).mode & 0o777).toString(8)).toBe('660')
    const client = await RawConnection.open(0, { path: join(cwd, 'local.sock') })
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await client.untilClosed()).toContain('blue')
    expect(child.stderr).not.toContain('restart')
  })

  it('all stay as they are if the port of one is taken, and the documents too', async () => {
    const taken = await listening(createServer())
    const { child, reload } = await startWith(point('http', '127.0.0.1:0'))
    const port = await child.port('http')
    await reload(
      `defaultEntryPoints = ["new"]\n${point('http', '127.0.0.1:00')}${point('new', `127.0.0.1:${taken}`)}`,
      /not reloaded, the proxy keeps its configuration:\nentryPoints\.new\.address: cannot listen on "127\.0\.0\.1:\d+": listen EADDRINUSE/,
    )
    expect(await answerAt(port)).toBe('blue')
    await reload(point('http', '127.0.0.1:0'))
    expect(lastPortOf(child, 'http')).toBe(port)
    expect(await answerAt(port)).toBe('blue')
  })

  it('keep the pages of the status server that they had at the start, and name what needs a restart', async () => {
    const ping = (name: string) => `[ping]\nentryPoint = "${name}"\n`
    const points = point('http', '127.0.0.1:0') + point('other', '127.0.0.1:0')
    const { child, reload } = await startWith(
      `defaultEntryPoints = ["http", "other"]\n${points}${ping('http')}`,
    )
    const [http, other] = [await child.port('http'), await child.port('other')]
    expect([await answerAt(http, '/ping'), await answerAt(other, '/ping')]).toEqual(['OK', 'blue'])
    await reload(`defaultEntryPoints = ["http", "other"]\n${points}${ping('other')}`)
    expect(child.stderr).toContain('warning: ping.entryPoint has changed, which needs a restart')
    expect([await answerAt(http, '/ping'), await answerAt(other, '/ping')]).toEqual(['OK', 'blue'])
  })

  it('move under load without a lost request', async () => {
    const { child, reload } = await startWith(point('http', '127.0.0.1:0'))
    let port = await child.port('http')
    let running = true
    const failures: string[] = []
    let answered = 0
    // With a connection that is kept, a client makes a new one only after the proxy has said that it closes the old one.
    const loops = Array.from({ length: 4 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      while (running) {
        const at = port
        await httpGet({ port: at, agent }).then(
          ({ body }) => {
            answered += 1
            if (body.trim() !== 'blue') failures.push(body)
          },
          (error: NodeJS.ErrnoException) => {
            // The client had not heard of the move yet. Nothing of its request was sent.
            if (error.code !== 'ECONNREFUSED') failures.push(String(error))
          },
        )
      }
      agent.destroy()
    })
    for (let move = 0; move < 5; move += 1) {
      const goal = answered + 50
      await reload(point('http', `127.0.0.1:${move % 2 === 0 ? '00' : '0'}`))
      port = lastPortOf(child, 'http')
      await eventually(() => answered >= goal, 'more answers')
    }
    running = false
    await Promise.all(loops)
    expect(failures).toEqual([])
  })
})
