import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Listener } from '../../src/entry-points/listener.js'
import { SocketFile } from '../../src/entry-points/socket-file.js'
import { RawConnection } from '../support/raw-connection.js'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sockets-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function newListener(name = 'ok'): Listener {
  const listener = new Listener(
    { handler: (_req, res) => void res.end(name), upgrade: (_req, socket) => socket.end() },
    {},
  )
  onTestFinished(() => listener.cut())
  return listener
}

async function ask(path: string): Promise<string> {
  const client = await RawConnection.open(0, { path })
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  return (await client.untilClosed()).split('\r\n\r\n')[1] ?? ''
}

/** Leaves the file of a socket behind, as a process does that is killed. */
async function leaveStale(path: string): Promise<void> {
  const folder = newFolder()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(folder, 'a'), resolve))
  // Node removes the first name of the file when the server closes.
  linkSync(join(folder, 'a'), path)
  await new Promise((resolve) => server.close(resolve))
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe('the file of a Unix socket', () => {
  it.each([0o660, 0o600, 0o777])('has the mode that is asked for: %o', async (mode) => {
    const path = join(newFolder(), 'http.sock')
    await newListener().listen({ path, mode })
    expect(modeOf(path)).toBe(mode.toString(8))
    expect(await ask(path)).toContain('ok')
  })

  it('has the mode that the umask leaves, if none is asked for', async () => {
    const before = process.umask(0o027)
    onTestFinished(() => void process.umask(before))
    const path = join(newFolder(), 'http.sock')
    await newListener().listen({ path })
    expect(modeOf(path)).toBe('750')
  })

  it('is made in a folder that only its owner may enter, and nothing else stays', async () => {
    const before = process.umask(0)
    onTestFinished(() => void process.umask(before))
    const folder = newFolder()
    const path = join(folder, 'http.sock')
    const file = (await SocketFile.for(path, 0o600)) as SocketFile
    expect(modeOf(dirname(file.madeAt))).toBe('700')
    const server = createServer().listen(file.madeAt)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    await file.publish()
    expect([readdirSync(folder), modeOf(path)]).toEqual([['http.sock'], '600'])
  })

  it('that a killed process left behind is replaced', async () => {
    const path = join(newFolder(), 'http.sock')
    await leaveStale(path)
    await newListener('new').listen({ path, mode: 0o660 })
    expect([await ask(path), modeOf(path)]).toEqual(['new', '660'])
  })

  it('on which a process listens is left to it', async () => {
    const path = join(newFolder(), 'http.sock')
    await newListener('first').listen({ path })
    const second = newListener('second').listen({ path })
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE', message: expect.stringContaining(path) })
    expect(await ask(path)).toBe('first')
  })

  it('that is no socket is never removed', async () => {
    const path = join(newFolder(), 'http.sock')
    writeFileSync(path, 'precious')
    await expect(newListener().listen({ path })).rejects.toThrow(
      /a file that is no socket; it is not removed/,
    )
    expect(statSync(path).size).toBe(8)
  })

  it('in a folder that does not exist is an error that says so', async () => {
    const path = join(newFolder(), 'missing', 'http.sock')
    await expect(newListener().listen({ path })).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('its folder does not exist'),
    })
  })

  it('is removed on close, but not if another process has put its own there', async () => {
    const path = join(newFolder(), 'http.sock')
    const first = newListener('first')
    await first.listen({ path })
    await first.close()
    expect(existsSync(path)).toBe(false)
    const second = newListener('second')
    await second.listen({ path })
    rmSync(path)
    const third = newListener('third')
    await third.listen({ path })
    await second.close()
    expect(await ask(path)).toBe('third')
  })

  it('goes to exactly one of many listeners that find it stale at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const path = join(newFolder(), 'http.sock')
      await leaveStale(path)
      const listeners = Array.from({ length: 8 }, (_, at) => ({
        name: `${at}`,
        listener: newListener(`${at}`),
      }))
      const ends = await Promise.allSettled(listeners.map(({ listener }) => listener.listen({ path })))
      const winners = listeners.filter((_, at) => ends[at]?.status === 'fulfilled')
      expect(winners).toHaveLength(1)
      expect(await ask(path)).toBe(winners[0]?.name)
      for (const end of ends) if (end.status === 'rejected') expect(end.reason.code).toBe('EADDRINUSE')
    }
  })

  it('goes to exactly one of several processes', { timeout: 60_000 }, async () => {
    const path = join(newFolder(), 'http.sock')
    await leaveStale(path)
    const code = `
      import { createProxy } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
      const proxy = createProxy({ config: { frontends: {}, backends: {} } })
      console.log('here')
      process.stdin.once('data', () => proxy.listen({ path: ${JSON.stringify(path)} }).then(
        () => console.log('listens'), (error) => console.log(error.code)))`
    const children = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    })
    await Promise.all(children.map(({ stdout }) => once(stdout, 'data')))
    const said = children.map(async ({ stdin, stdout }) => {
      const answer = once(stdout, 'data')
      stdin.write('go\n')
      return String((await answer)[0]).trim()
    })
    expect((await Promise.all(said)).sort()).toEqual(['EADDRINUSE', 'EADDRINUSE', 'EADDRINUSE', 'listens'])
    expect(await ask(path)).toContain('404 ')
  })
})

it('is made by the primary of node:cluster, so a worker refuses a mode', { timeout: 60_000 }, async () => {
  const path = join(newFolder(), 'http.sock')
  const code = `
    import cluster from 'node:cluster'
    import { createProxy } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
    const proxy = createProxy({ config: { frontends: {}, backends: {} } })
    const listen = (at) => proxy.listen(at).then(({ url }) => url, ({ message }) => message)
    if (cluster.isPrimary) cluster.fork().on('message', (said) => { console.log(said); process.exit() })
    else process.send([await listen({ path: ${JSON.stringify(path)}, mode: 0o660 }), await listen({ path: ${JSON.stringify(path)} })].join('|'))`
  const program = join(newFolder(), 'cluster.mjs')
  writeFileSync(program, code)
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = String((await once(child.stdout, 'data'))[0]).trim()
  expect(said).toBe(
    `mode: expected no mode in a worker of node:cluster, because the primary makes the file|unix:${path}`,
  )
})

describe('the option mode', () => {
  const proxy = createProxy({ config: { frontends: {}, backends: {} } })
  const at = (more: object) => proxy.listen(more as { path: string }).catch((error: Error) => error.message)

  it.each([
    [
      { path: '/a', mode: 660 },
      /^listen: mode: expected a number from 0 to 0o777, such as 0o660, found 660$/,
    ],
    [{ path: '/a', mode: '660' }, /^listen: mode: expected a number .*, found string "660"$/],
    [{ path: '/a', mode: -1 }, /^listen: mode: expected a number/],
    [{ port: 0, mode: 0o660 }, /^listen: mode: expected the path of a Unix socket beside it, found none$/],
    [{ path: '' }, /^listen: expected the name of an entry point, a port/],
    [{ path: '\0a', mode: 0o660 }, /^listen: mode: expected the path of a file beside it/],
  ])('is refused: %j', async (given, message) => {
    expect(await at(given)).toMatch(message)
  })

  it('changes the mode of a socket that listens', async () => {
    const path = join(newFolder(), 'http.sock')
    const address = `unix:${path}`
    const moving = createProxy({
      config: { frontends: {}, backends: {} },
      entryPoints: { a: { address, mode: 0o600 } },
    })
    onTestFinished(() => moving.close({ drainMs: 0 }))
    await moving.listen('a')
    await moving.setEntryPoints({ a: { address, mode: 0o666 } })
    expect(modeOf(path)).toBe('666')
    chmodSync(path, 0o600)
    await moving.setEntryPoints({ a: { address } })
    expect(modeOf(path)).toBe((0o777 & ~process.umask()).toString(8))
  })
})
