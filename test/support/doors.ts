import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer as createPlain, type Server } from 'node:http'
import { createServer as createSecure } from 'node:https'
import { createServer as createRaw } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { ReverseProxy } from 'switchover'
import { onTestFinished } from 'vitest'
import { Authority } from './etcd-tls.js'
import { RawConnection } from './raw-connection.js'

const INDEX = new URL('../../src/index.ts', import.meta.url).href

/** The ways by which a request comes in, each over TCP and over a Unix socket. */
export const DOORS = ['listen', 'attach', 'handler', 'attach over TLS'] as const
export type Door = (typeof DOORS)[number]

/** Sends a request whole and gives what came back, once the connection is closed. */
export type Send = (...lines: string[]) => Promise<string>

/** Opens a door of a proxy. */
export async function openDoor(
  proxy: ReverseProxy,
  door: Door,
  over: 'tcp' | 'unix',
  entryPoint?: string,
): Promise<Send> {
  const folder = mkdtempSync(join(tmpdir(), 'door-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'door.sock')
  const named = entryPoint === undefined ? {} : { entryPoint }
  if (door === 'listen') {
    const bound = await proxy.listen(
      over === 'unix' ? { path, ...named } : { port: 0, host: '127.0.0.1', ...named },
    )
    return sendTo(over === 'unix' ? { path } : { port: bound.port })
  }
  const isSecure = door === 'attach over TLS'
  const server: Server = isSecure ? createSecure(await identity()) : createPlain()
  if (door === 'handler') server.on('request', proxy.handler).on('upgrade', proxy.upgrade)
  else proxy.attach(server, named)
  const at = over === 'unix' ? { path } : { port: 0, host: '127.0.0.1' }
  await new Promise<void>((resolve) => server.listen(at, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = (server.address() ?? {}) as { port?: number }
  return sendTo(over === 'unix' ? { path } : { port: port as number }, isSecure)
}

let known: ReturnType<typeof makeIdentity> | undefined

function identity() {
  known ??= makeIdentity()
  return known
}

async function makeIdentity() {
  const authority = await Authority.create('doors')
  return authority.sign()
}

type Target = { readonly path: string } | { readonly port: number }

function sendTo(target: Target, isSecure = false): Send {
  return async (...lines) => {
    const head = `${lines.join('\r\n')}\r\n\r\n`
    if (isSecure) return sendSecure(target, head)
    const port = 'port' in target ? target.port : 0
    const client = await RawConnection.open(port, 'path' in target ? { path: target.path } : {})
    client.send(head)
    return client.untilClosed()
  }
}

/** The certificate is not what these tests are about. */
function sendSecure(target: Target, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const at = 'port' in target ? { host: '127.0.0.1', ...target } : target
    const socket = connectTls({ ...at, rejectUnauthorized: false }, () => socket.write(head, 'latin1'))
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

/** A proxy in a process of its own that was given a listening Unix socket by its descriptor, as systemd gives them. */
export async function openDoorByDescriptor(options: object): Promise<Send> {
  const folder = mkdtempSync(join(tmpdir(), 'door-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [path, kept] = [join(folder, 'door.sock'), join(folder, 'kept.sock')]
  const listener = createRaw()
  await new Promise<void>((resolve) => listener.listen(path, resolve))
  // Node removes the first name when the listener is closed here; the socket lives on by the other.
  linkSync(path, kept)
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle
  const code = `
    import { createServer } from 'node:http'
    import { createProxy } from ${JSON.stringify(INDEX)}
    const proxy = createProxy(${JSON.stringify(options)})
    const server = createServer()
    proxy.attach(server)
    await proxy.ready()
    server.listen({ fd: 3 }, () => console.log('listens'))`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await Promise.race([once(child.stdout as Readable, 'data'), once(child, 'exit')])
  await new Promise((resolve) => listener.close(resolve))
  return sendTo({ path: kept })
}
