import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AccessLogOptions, createProxy, type ProxyOptions, StaticProvider } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { EndedRequest } from '../../src/engine/request-reports.js'
import { entryOf, lineAsJson } from '../../src/status/access-log-lines.js'
import { httpGet } from '../support/http-get.js'
import { lineStream } from '../support/line-stream.js'
import { routeTo, routeWith, startNamed, startServer } from '../support/live-engine.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually, nextEvent } from '../support/next-event.js'

/** A proxy whose access log goes into a list. */
async function startLogged(
  config: Parameters<typeof routeTo>[0] | object,
  accessLog: Partial<AccessLogOptions> = {},
) {
  const { lines, stream } = lineStream()
  const target = accessLog.file || accessLog.logger ? {} : { stream }
  const proxy = createProxy({ config: config as never, accessLog: { ...target, ...accessLog } })
  onTestFinished(() => proxy.close())
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, port, lines }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'access-log-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the access log', () => {
  it('in the common form has what Traefik’s has', async () => {
    const { port, lines } = await startLogged(routeTo(await startNamed('hello')))
    await httpGet({ port, path: '/x?y', headers: { 'user-agent': 'test', referer: 'http://r.test/' } })
    await eventually(() => lines.length === 1, 'the line')
    expect(lines[0]).toMatch(
      /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/x\?y HTTP\/1\.1" 200 5 "http:\/\/r\.test\/" "test" 1 "all@static" "http:\/\/127\.0\.0\.1:\d+" \d+ms\n$/,
    )
  })

  it('as JSON has Traefik’s names', async () => {
    const { port, lines } = await startLogged(routeTo(await startNamed('hello')), { format: 'json' })
    await httpGet({
      port,
      method: 'POST',
      host: 'a.test:81',
      path: '/x',
      body: 'abc',
      headers: { 'content-length': '3' },
    })
    await httpGet({ port, host: 'a.test', path: '/"\\\u00e9'.replace('\u00e9', '%C3%A9') })
    await eventually(() => lines.length === 2, 'the lines')
    const entry = JSON.parse(lines[0] ?? '')
    expect(entry).toMatchObject({
      level: 'info',
      ClientHost: '127.0.0.1',
      FrontendName: 'all@static',
      BackendName: 'pool@static',
      BackendURL: expect.stringMatching(/^http:/),
      RequestAddr: 'a.test:81',
      RequestHost: 'a.test',
      RequestPort: '81',
      RequestMethod: 'POST',
      RequestPath: '/x',
      RequestProtocol: 'HTTP/1.1',
      RequestLine: 'POST /x HTTP/1.1',
      RequestContentSize: 3,
      OriginStatus: 200,
      OriginContentSize: 5,
      DownstreamStatus: 200,
      DownstreamStatusLine: '200 OK',
      DownstreamContentSize: 5,
      RequestCount: 1,
      RetryAttempts: 0,
    })
    expect(entry.Duration).toBeGreaterThan(1_000)
    expect(Date.parse(entry.StartUTC)).toBeGreaterThan(Date.now() - 10_000)
    expect(Date.parse(entry.StartLocal)).toBe(Date.parse(entry.StartUTC))
    expect(JSON.parse(lines[1] ?? '').RequestPath).toBe('/"\\%C3%A9')
  })

  it('writes the same fields as text and for a logger', () => {
    const base = {
      client: {
        method: 'GET',
        target: '/a"b\n',
        httpVersion: '1.1',
        headers: { host: 'h"x:80' },
        connection: { peerPort: 7 },
      },
      facts: { host: 'h' },
      clientAddress: '::1',
      bodyBytes: 3,
      tries: { retries: 2 },
    }
    const found = {
      frontend: { name: 'f"', config: { metadata: { team: 'se"arch' } } },
      backend: { name: 'b', config: {} },
      server: { url: 'http://s', host: 's', metadata: { rack: 'r1\u2028' } },
    }
    const error = { code: 'PROXY_NO_ROUTE' }
    for (const request of [
      base,
      { ...base, ...found },
      { ...base, error, bodyBytes: 0 },
      { ...base, facts: undefined },
    ]) {
      for (const headers of [undefined, {}, { request_Accept: 'x"y' }]) {
        const line = { status: 404, durationMs: 1.5, count: 9, endedAt: 1_700_000_000_250, headers }
        const whole = { ...line, request: request as unknown as EndedRequest }
        const { level, msg, time, ...entry } = JSON.parse(lineAsJson(whole))
        expect(entry).toEqual(entryOf(whole))
        expect([level, msg, time]).toEqual(['info', '', '2023-11-14T22:13:20Z'])
      }
    }
  })

  it('cannot be made to hold a line that nobody asked for', async () => {
    const { port, lines } = await startLogged(routeTo(await startNamed('hello')))
    await httpGet({ port, headers: { 'user-agent': 'x" 200 "\u0085\u00ff', referer: 'tab\there' } })
    await eventually(() => lines.length === 1, 'the line')
    expect(lines[0]?.match(/\n/g)).toHaveLength(1)
    expect(lines[0]).toContain('"x\\" 200 \\"')
    expect(lines[0]).toContain('"tab\\there"')
  })

  it('shows no header unless told to, and redacts', async () => {
    const headers = { names: { Accept: 'keep', authorization: 'redact' } } as const
    const server = await startServer((_req, res) => res.setHeader('Set-Cookie', 'secret').end())
    const { port, lines } = await startLogged(routeTo(server), { format: 'json', headers })
    await httpGet({ port, headers: { authorization: 'secret', accept: 'x', cookie: 'secret' } })
    await eventually(() => lines.length === 1, 'the line')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      request_Accept: 'x',
      request_Authorization: 'REDACTED',
    })
    expect(lines[0]).not.toContain('secret')
  })

  it('keeps what any of its filters keeps', async () => {
    const filters = { statusCodes: ['404', '500-599'], retryAttempts: true, minDurationMs: 60_000 }
    const config = routeWith({ rule: 'Host:a.test,b.test' }, await refusingUrl(), await startNamed('one'))
    const { port, lines } = await startLogged(config, { filters })
    await httpGet({ port, host: 'a.test' })
    await httpGet({ port, host: 'b.test' })
    await httpGet({ port, host: 'c.test' })
    await eventually(() => lines.some((line) => line.includes(' 404 ')), 'the line of the 404')
    expect(lines.map((line) => /HTTP\/1\.1" (\d+)/.exec(line)?.[1])).toEqual(['200', '404'])
    expect(lines[0]).toContain(' 1 "all@static"')
  })

  it('goes to a file, and to a new one after that was moved away', async () => {
    const file = join(await temporaryFolder(), 'deep/access.log')
    const { proxy, port } = await startLogged(routeTo(await startNamed('hello')), { file })
    const has = (path: string, text: string) => async () =>
      (await readFile(path, 'utf8').catch(() => '')).includes(text)
    await httpGet({ port, path: '/first' })
    await eventually(has(file, 'GET /first'), 'the first line')
    await rename(file, `${file}.1`)
    await proxy.reopenLogs()
    await httpGet({ port, path: '/second' })
    await proxy.close()
    expect(await readFile(file, 'utf8')).toContain('GET /second')
    expect(await readFile(`${file}.1`, 'utf8')).not.toContain('/second')
  })

  it('that cannot be opened keeps nobody from being served, and is told', async () => {
    const file = join(await temporaryFolder(), 'a-file')
    await writeFile(file, '')
    const config = routeTo(await startNamed('one'))
    const proxy = createProxy({ config, accessLog: { file: join(file, 'access.log') } })
    onTestFinished(() => proxy.close())
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await expect(proxy.ready()).rejects.toMatchObject({ code: 'EEXIST' })
    expect((await httpGet({ port })).body).toBe('one')
  })

  it('leaves lines out for a stream that takes them too slowly, and says so once', async () => {
    const written: unknown[] = []
    const stream = {
      writable: true,
      writableLength: 16 * 1024 * 1024,
      write: (line: string) => written.push(line) > 0,
    }
    const warned = once(process, 'warning')
    const { proxy, port } = await startLogged(routeTo(await startNamed('one')), { stream } as never)
    await Promise.all([nextEvent(proxy, 'requestFinished'), httpGet({ port })])
    const [warning] = await warned
    expect([written.length, warning.message]).toEqual([0, expect.stringContaining('lines are left out')])
  })

  it('goes to the host’s logger', async () => {
    const told: [object, string][] = []
    const logger = { info: (fields: object, message: string) => void told.push([fields, message]) }
    const { port } = await startLogged(routeTo(await startNamed('one')), { logger })
    await httpGet({ port })
    await eventually(() => told.length === 1, 'the call')
    expect(told[0]).toEqual([expect.objectContaining({ DownstreamStatus: 200 }), 'access'])
  })
})

describe('the application log', () => {
  async function startLogging(options: Partial<ProxyOptions>) {
    const told: string[] = []
    const at = (level: string) => (_fields: object, message: string) => void told.push(`${level} ${message}`)
    const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
    const provider = new StaticProvider({ config: { ...routeTo(await refusingUrl()), version: 'v1' } })
    const proxy = createProxy({ providers: [provider], logger, ...options })
    onTestFinished(() => proxy.close())
    await proxy.ready()
    return { told, proxy, provider }
  }

  it('has a line for each switch and refusal, and none for requests', async () => {
    const { told, proxy, provider } = await startLogging({})
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await httpGet({ port })
    await provider.update({
      frontends: { x: { backend: 'nowhere', rule: 'Host:a' } },
      backends: {},
      version: 'v2\nERROR of its own',
    })
    expect(told).toEqual([
      expect.stringMatching(
        /^info generation 1 serves: version v1 of static; frontends \+1 -0 ~0, backends \+1 -0 ~0; \d+ ms$/,
      ),
      expect.stringMatching(
        /^error refused: version v2 ERROR of its own of static: .*nowhere.*; generation 1 still serves$/,
      ),
    ])
    expect(told.join('')).not.toContain('\n')
  })

  it('says what its level asks for', async () => {
    const { told, proxy } = await startLogging({ logLevel: 'debug' })
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await httpGet({ port, path: '/x' })
    await eventually(() => told.length === 2, 'the failure')
    expect(told[1]).toMatch(/^debug GET 127\.0\.0\.1\/x failed with 502: .*ECONNREFUSED/)
    expect((await startLogging({ logLevel: 'error' })).told).toEqual([])
    expect((await startLogging({ logLevel: 'off' })).told).toEqual([])
  })
})
