import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { blocksOf, readPages } from '../support/docs-blocks.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'
import { listenAt, portOf } from '../support/servers-at.js'

const hasNginx = (() => {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

async function freePort(): Promise<number> {
  const server = createServer()
  const port = portOf(await listenAt(server, '127.0.0.1'))
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** nginx with what docs/operations.md says, but for its addresses. */
async function startNginx(folder: string, path: string): Promise<number> {
  const pages = readPages().filter(({ file }) => file === 'docs/operations.md')
  const [block] = pages.flatMap(blocksOf).filter(({ language }) => language === 'nginx')
  const port = await freePort()
  const servers = block?.code
    .replace('/run/switchover/http.sock', path)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/log crit;
    events { worker_connections 100; }
    http { access_log off; ${temporary.join(' ')} ${servers} }`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' })
  onTestFinished(async () => {
    child.kill()
    await new Promise((resolve) => child.once('exit', resolve))
    rmSync(folder, { recursive: true, force: true })
  })
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => resolve(false))
      socket.on('connect', () => {
        socket.destroy()
        resolve(true)
      })
    })
  await eventually(listens, 'nginx listens')
  return port
}

it.runIf(hasNginx)(
  'nginx in front, as docs/operations.md has it, is believed over a Unix socket',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nginx-unix-'))
    const path = join(folder, 'http.sock')
    const clients = new Set<unknown>()
    const server = await startServer((req, res) => res.end(JSON.stringify(req.headers)))
    const proxy = createProxy({
      config: routeTo(server),
      entryPoints: { local: { trustedProxies: ['unix'] } },
      onRequest: ({ facts }) => void clients.add(facts.clientAddress),
    })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.listen({ path, entryPoint: 'local' })
    await proxy.ready()
    const port = await startNginx(folder, path)
    for (const claimed of [undefined, '6.6.6.6']) {
      const headers = { host: 'www.example.com:8000', ...(claimed && { 'x-forwarded-for': claimed }) }
      const { status, body } = await httpGet({ port, headers })
      expect(status).toBe(200)
      expect(JSON.parse(body)).toMatchObject({
        host: 'www.example.com:8000',
        'x-real-ip': '127.0.0.1',
        'x-forwarded-proto': 'http',
      })
    }
    expect([...clients]).toEqual(['127.0.0.1'])
  },
)
