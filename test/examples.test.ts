import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createClient } from '@redis/client'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigApi } from '../examples/demo/config-api.js'
import { NamedServer } from '../examples/demo/named-server.js'
import { EtcdServer } from './support/etcd-server.js'
import { httpGet } from './support/http-get.js'
import { startRedis } from './support/redis-server.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const all = readdirSync(`${root}/examples`).filter((name) => name.endsWith('.ts'))
/** But for those that are tests themselves, and run as such. */
const examples = all.filter((name) => !name.endsWith('.test.ts'))

/** An example as its reader would run it: a process of its own. */
class Run {
  readonly #child: ChildProcess
  output = ''
  #onOutput = () => {}

  constructor(name: string, env: Readonly<Record<string, string>> = {}) {
    const options = { cwd: root, env: { ...process.env, ...env } }
    this.#child = spawn(process.execPath, ['--import', 'tsx', `examples/${name}`], options)
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk
        this.#onOutput()
      })
    }
  }

  /** The match of a pattern in what it prints, now or within 15 s. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    const limit = AbortSignal.timeout(15_000)
    for (;;) {
      const found = pattern.exec(this.output)
      if (found) return found
      await new Promise<void>((resolve, reject) => {
        this.#onOutput = resolve
        limit.onabort = () => reject(new Error(`${pattern} not in: ${this.output}`))
        if (limit.aborted) reject(new Error(`${pattern} not in: ${this.output}`))
      })
    }
  }

  end(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Its exit code. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode
    const [code] = (await once(this.#child, 'close', { signal: AbortSignal.timeout(15_000) })) as [
      number | null,
    ]
    return code
  }
}

/** A config API that knows two versions of one route, each with a server of its own. */
async function twoVersions() {
  const api = await new ConfigApi().start()
  const servers = [await NamedServer.start('one'), await NamedServer.start('two')]
  for (const [index, { url }] of servers.entries()) {
    api.putBackend(`/traefik/dev/v${index + 1}`, 'web', { servers: { only: { url } } })
    api.putFrontend(`/traefik/dev/v${index + 1}`, 'web', { backend: 'web', rule: 'Host:www.test' })
  }
  return { api, servers }
}

let run: Run | undefined
afterEach(() => run?.end('SIGKILL'))

describe('the examples', () => {
  it('are all run here', () => {
    const source = readFileSync(fileURLToPath(import.meta.url), 'utf8')
    for (const name of examples) expect(source).toContain(`'${name}'`)
  })

  it.each(all)('%s is short enough to read in one sitting', (name) => {
    expect(readFileSync(`${root}/examples/${name}`, 'utf8').trimEnd().split('\n').length).toBeLessThan(40)
  })

  it('01-static.ts serves what is in the program', async () => {
    run = new Run('01-static.ts')
    const [, port] = await run.sees(/127\.0\.0\.1:(\d+)/)
    expect((await httpGet({ port: Number(port), host: 'hello.test' })).body).toBe('hello from the server\n')
    run.end('SIGINT')
    expect(await run.ended()).toBe(0)
  })

  it('02-etcd-alias.ts switches when the alias is written', async () => {
    await using etcd = await EtcdServer.start()
    const { api, servers } = await twoVersions()
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v1')

    run = new Run('02-etcd-alias.ts', { ETCD_URL: etcd.url, CONFIG_API: api.url, PORT: '0' })
    const [, port] = await run.sees(/listening on http:\/\/[^:]+:(\d+)/)
    await run.sees(/generation 1 serves \/traefik\/dev\/v1/)
    expect((await httpGet({ port: Number(port), host: 'www.test' })).body).toBe('one\n')
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v2')
    await run.sees(/generation 2 serves \/traefik\/dev\/v2/)
    expect((await httpGet({ port: Number(port), host: 'www.test' })).body).toBe('two\n')
    run.end('SIGTERM')
    expect(await run.ended()).toBe(0)
    await Promise.all([...servers, api].map((part) => part.close()))
  })

  it("13-cluster.ts: one watch and one fetch for all workers, a worker's death, and a switch in each", async () => {
    await using etcd = await EtcdServer.start()
    const { api, servers } = await twoVersions()
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v1')

    run = new Run('13-cluster.ts', { ETCD_URL: etcd.url, CONFIG_API: api.url, PORT: '0', WORKERS: '3' })
    const serving = (times: number, version: string) =>
      run?.sees(new RegExp(`(?:worker \\d+ serves /traefik/dev/${version}[^]*){${times}}`))
    await serving(3, 'v1')
    const [, pid, port] = await run.sees(/worker (\d+) listens on http:\/\/[^:]+:(\d+)/)
    expect((await httpGet({ port: Number(port), host: 'www.test' })).body).toBe('one\n')
    process.kill(Number(pid), 'SIGKILL')
    await serving(4, 'v1')
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v2')
    await serving(3, 'v2')
    for (let time = 0; time < 6; time += 1)
      expect((await httpGet({ port: Number(port), host: 'www.test' })).body).toBe('two\n')
    expect(api.asked).toEqual(['/traefik/dev/v1', '/traefik/dev/v2'])
    expect(await etcd.watchers()).toBe(1)
    run.end('SIGTERM')
    expect(await run.ended()).toBe(0)
    await Promise.all([...servers, api].map((part) => part.close()))
  })

  it('18-redis.ts follows a document in Redis', async () => {
    await using redis = await startRedis()
    console.log(`18-redis.ts on ${redis.program}`)
    const [one, two] = [await NamedServer.start('one'), await NamedServer.start('two')]
    const writer = createClient({ url: redis.url, RESP: 2 })
    writer.on('error', () => {})
    await writer.connect()
    const write = async (text: string) => {
      await writer.set('routes', text)
      await writer.publish('routes', 'changed')
    }
    const routes = (url: string) =>
      JSON.stringify({
        frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
        backends: { web: { servers: { only: { url } } } },
      })
    await writer.set('routes', routes(one.url))
    run = new Run('18-redis.ts', { REDIS_URL: redis.url, PORT: '0' })
    const [, port] = await run.sees(/listening on http:\/\/[^:]+:(\d+)/)
    await run.sees(/generation 1/)
    expect((await httpGet({ port: Number(port) })).body).toBe('one\n')
    await write('{ no document')
    await run.sees(/routes in Redis: /)
    expect((await httpGet({ port: Number(port) })).body).toBe('one\n')
    await write(routes(two.url))
    await run.sees(/generation 2/)
    expect((await httpGet({ port: Number(port) })).body).toBe('two\n')
    run.end('SIGTERM')
    expect(await run.ended()).toBe(0)
    writer.destroy()
    await Promise.all([one.close(), two.close()])
  })

  it.each([
    ['03-events.ts', {}, ['generation 2: port 9002', 'refused: frontends.web.backend', '404 PROXY_NO_ROUTE']],
    ['04-custom-provider.ts', { ROUTES: 'a.test=http://127.0.0.1:9001' }, ['a.test@environment matches']],
    [
      '05-inside-node-http.ts',
      {},
      [
        '/health -> ok',
        'upstream got /api/users?page=2',
        'neither mine',
        'WebSocket /chat -> my own socket',
        'WebSocket /api/chat -> upstream got /api/chat',
      ],
    ],
    [
      '06-inside-express.ts',
      {},
      [
        '/health -> ok',
        'POST /own -> {"a":1}',
        'POST /api/users/7 -> upstream got /users/7 {"a":1}',
        '/api/other -> not here',
        'WebSocket /chat -> my own socket',
        'WebSocket /api/users/7 -> upstream got /users/7',
      ],
    ],
    [
      '07-inside-fastify.ts',
      {},
      [
        '/health -> ok',
        'POST /own -> {"a":1}',
        'POST /api/echo -> upstream got /api/echo {"a":1}',
        '/nothing -> 404',
        'WebSocket /chat -> my own socket',
        'WebSocket /api/echo -> upstream got /api/echo',
      ],
    ],
    [
      '08-rules-alone.ts',
      {},
      ['office does not match: ClientIP:10.0.0.0/8', 'the nearest known one is "Host"'],
    ],
    ['09-cold-start.ts', {}, ['/traefik/dev/v1 is live, fresh', '/traefik/dev/v1 is live, stale']],
    [
      '10-hooks-and-limits.ts',
      {},
      ['200 routed by upload@static null', '413 413 The body is too large. (PROXY_BODY_TOO_LARGE)'],
    ],
    ['20-own-middleware.ts', {}, ['401 a key, please', '503 503 No server', "verdict: 'the key is wrong'"]],
    ['16-files.ts', {}, ['served by blue', 'served by green']],
    [
      '17-traefik-toml.ts',
      {},
      ['warning: docker: this key of Traefik is not supported yet', 'served by one'],
    ],
    [
      '19-entry-points.ts',
      {},
      ['public: site | ping: OK', 'public stays: true | internal: admin', 'public still serves: site'],
    ],
    ['11-routes-in-node-test.ts', {}, ['# pass 3', '# fail 0']],
    ['14-status.ts', {}, ['dashboard at http://127.0.0.1:', '"GET / HTTP/1.1" 200 5', "version: 'green'"]],
    [
      '15-opentelemetry.ts',
      {},
      [
        '"http.request.resend_count":1',
        '0af7651916cd43dd8448eb211c80319c GET {',
        '"url.path":"/hello","http.response.status_code":200',
      ],
    ],
  ])('%s does what it says', async (name, env, expected) => {
    run = new Run(name, env as Record<string, string>)
    expect(await run.ended(), run.output).toBe(0)
    for (const text of expected) expect(run.output).toContain(text)
  })
})
