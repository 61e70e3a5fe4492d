import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { createServer as createTlsServer, request as requestOverTls, Agent as TlsAgent } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { ProxyEngine } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { AuthenticatingClient } from '../support/authenticating-client.js'
import { AuthenticatingServer } from '../support/authenticating-server.js'
import { httpGet } from '../support/http-get.js'
import { openRaw, routeTo, startEngine } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const NGINX = (() => {
  try {
    return execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
})()

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** nginx with one keep-alive connection for all its clients. */
async function startNginx(enginePort: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
  const port = await freePort()
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/log crit;
    events { worker_connections 200; }
    http {
      access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
      uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      upstream switchover { server 127.0.0.1:${enginePort}; keepalive 1; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://switchover; proxy_http_version 1.1; proxy_set_header Connection '';
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
      }
    }`,
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
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('close', () => {})
      socket.on('connect', () => socket.destroy())
    })
  await eventually(listens, 'nginx listens')
  return port
}

/** What stands in for nginx where there is none: one keep-alive connection for all clients. */
async function startStandIn(enginePort: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const server = createServer((req, res) => {
    const ours = request(
      { host: '127.0.0.1', port: enginePort, agent, method: req.method, path: req.url, headers: req.headers },
      (answer) => {
        res.writeHead(answer.statusCode ?? 500, answer.rawHeaders)
        answer.pipe(res)
      },
    )
    req.pipe(ours)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

it('of a proxy in front that is trusted, nothing is pinned: each request that authenticates has a connection of its own', async () => {
  console.log(`in front: ${NGINX ?? 'a stand-in of node:http'}`)
  const one = await AuthenticatingServer.start('one')
  const { port, front } = await startEngine(routeTo(one), { trustedProxies: ['127.0.0.0/8'] })
  const inFront = NGINX ? await startNginx(port) : await startStandIn(port)
  const alice = new AuthenticatingClient(inFront, 'alice')
  const bob = new AuthenticatingClient(inFront, 'bob')
  for (let turn = 0; turn < 20; turn++) {
    const nonce = await alice.begin()
    // The third step comes on another connection: the server knows nothing of the first.
    expect((await alice.finish(nonce)).status).toBe(401)
    expect((await bob.ask()).status).toBe(401)
    expect((await httpGet({ port: inFront })).status).toBe(401)
    // A login in one step, as Kerberos makes it, is answered, and its connection ends with the answer.
    const whole = await alice.said({ headers: { authorization: 'Negotiate whole-alice' } })
    expect(whole.user).toBe('alice')
    expect((await bob.ask()).status).toBe(401)
    await eventually(() => one.sockets.size === 0, 'the connections end')
  }
  const connections = one.log.map((line) => line.split(' ')[0])
  expect(new Set(connections).size).toBe(connections.length)
  expect(one.mixed).toBe(0)
  // nginx did keep its connection.
  expect(front.connections).toBeLessThan(10)
})

it('of a proxy in front that is trusted, plain requests share connections as before', async () => {
  const one = await AuthenticatingServer.start('one')
  const { port } = await startEngine(routeTo(one), { trustedProxies: ['127.0.0.0/8'] })
  const alice = new AuthenticatingClient(port, 'alice')
  // Challenges that do not authenticate a connection.
  for (let turn = 0; turn < 3; turn++)
    await alice.ask({ headers: { 'x-schemes': 'Basic realm="x";Digest realm="NTLM"' } })
  expect(one.connections).toBe(1)
})

it('of a proxy in front that is trusted, an upgrade that authenticates has a connection of its own', async () => {
  const one = await AuthenticatingServer.start('one')
  const { port } = await startEngine(routeTo(one), { trustedProxies: ['127.0.0.0/8'] })
  for (let turn = 1; turn <= 2; turn++) {
    const raw = await openRaw(port)
    const upgrade = ['Host: a.b', 'Connection: Upgrade', 'Upgrade: websocket']
    raw.sendHead('GET / HTTP/1.1', ...upgrade, 'Authorization: Negotiate whole-alice')
    expect(await raw.untilClosed()).toMatch(/101 Switching[\s\S]*"connection":/)
    expect(one.connections).toBe(turn)
  }
  await eventually(() => one.sockets.size === 0, 'the connections end')
})

it('over a Unix socket nothing is pinned: there are no clients but proxies', async () => {
  const one = await AuthenticatingServer.start('one')
  const engine = new ProxyEngine()
  onTestFinished(() => engine.close())
  await engine.apply(routeTo(one))
  const folder = mkdtempSync(join(tmpdir(), 'unix-'))
  const server = createServer(engine.handler)
  const socketPath = join(folder, 's')
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      request({ socketPath, agent, headers: { host: 'a.b', ...headers } }, (res) => {
        res.resume().on('end', () => resolve(res.statusCode ?? 0))
      })
        .on('error', reject)
        .end()
    })
  for (const authorization of ['NTLM first-alice', 'NTLM first-bob'])
    expect(await ask({ authorization })).toBe(401)
  await eventually(() => one.sockets.size === 0, 'the connections end')
  expect(one.connections).toBe(2)
})

it('over TLS on the client’s side, a connection is its client’s as well', async () => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }])
  const one = await AuthenticatingServer.start('one')
  const engine = new ProxyEngine()
  onTestFinished(() => engine.close())
  await engine.apply(routeTo(one))
  const server = createTlsServer({ key, cert }, engine.handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agents = ['alice', 'bob'].map(
    () => new TlsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false }),
  )
  onTestFinished(() => {
    for (const agent of agents) agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const ask = (nth: number, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; challenge: string; body: string }>((resolve, reject) => {
      requestOverTls(
        { host: '127.0.0.1', port, agent: agents[nth], headers: { 'x-client': 'alice', ...headers } },
        (res) => {
          let body = ''
          res.setEncoding('utf8').on('data', (chunk) => {
            body += chunk
          })
          res.on('end', () =>
            resolve({ status: res.statusCode ?? 0, challenge: res.headers['www-authenticate'] ?? '', body }),
          )
        },
      )
        .on('error', reject)
        .end()
    })
  const { challenge } = await ask(0, { authorization: 'NTLM first-alice' })
  await ask(0, { authorization: `NTLM third-alice-${challenge.slice('NTLM second-'.length)}` })
  expect((await ask(1)).status).toBe(401)
  expect((await ask(0)).body).toContain('"user":"alice"')
})
