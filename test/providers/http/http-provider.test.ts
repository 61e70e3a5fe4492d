import type { IncomingMessage, ServerResponse } from 'node:http'
import { HttpProvider, type HttpProviderOptions } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startServer } from '../../support/live-engine.js'
import { RecordingSink } from '../../support/recording-sink.js'

const DOCUMENT = {
  version: 'v1',
  frontends: { web: { backend: 'web', rule: 'Host:a.test' } },
  backends: { web: { servers: { one: { url: 'http://127.0.0.1:9' } } } },
}
const YAML =
  'version: v1\nfrontends: {web: {backend: web, rule: "Host:a.test"}}\nbackends: {web: {servers: {one: {url: "http://127.0.0.1:9"}}}}'
const TOML =
  'version="v1"\n[frontends.web]\nbackend="web"\nrule="Host:a.test"\n[backends.web.servers.one]\nURL="http://127.0.0.1:9"'

/** A provider that asks often, and what answers it. */
async function start(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  options: Partial<HttpProviderOptions> = {},
  path = '/config',
) {
  const asked: IncomingMessage[] = []
  const server = await startServer((req, res) => {
    asked.push(req)
    answer(req, res)
  })
  const provider = new HttpProvider({ url: `${server.url}${path}`, pollIntervalMs: 20, ...options })
  const sink = new RecordingSink()
  onTestFinished(() => provider.stop())
  await provider.start(sink)
  return { sink, asked, provider }
}

const once = (sink: RecordingSink) => sink.until('something is said', ({ said }) => said.length > 0)

describe('HttpProvider', () => {
  it.each([
    ['JSON by its type', 'application/json; charset=utf-8', '/config', JSON.stringify(DOCUMENT)],
    ['JSON by nothing', undefined, '/config', JSON.stringify(DOCUMENT)],
    ['YAML by its type', 'application/yaml', '/config', YAML],
    ['YAML by an older type', 'text/x-yaml', '/config', YAML],
    ['YAML by the path', undefined, '/config.yml', YAML],
    ['TOML by its type', 'application/toml', '/config', TOML],
    ['TOML by the path', 'text/plain', '/config.toml', TOML],
  ])('takes %s', async (_what, type, path, body) => {
    const { sink } = await start(
      (_req, res) => {
        if (type) res.setHeader('Content-Type', type)
        res.end(body)
      },
      {},
      path,
    )
    await once(sink)
    expect(sink.of('update')[0]?.config).toEqual(DOCUMENT)
    expect(Object.keys(sink.of('update')[0]?.about?.steps ?? {})).toEqual(['fetch', 'parse'])
  })

  it('asks by ETag, and delivers what has changed alone', async () => {
    let version = 1
    const { sink, asked } = await start((req, res) => {
      const etag = `"${version}"`
      res.setHeader('ETag', etag)
      if (req.headers['if-none-match'] === etag) res.writeHead(304).end()
      else res.end(JSON.stringify({ ...DOCUMENT, version: `v${version}` }))
    })
    await sink.until('v1', ({ versions }) => versions.at(-1) === 'v1')
    await expect.poll(() => asked.length, { timeout: 30_000 }).toBeGreaterThan(5)
    version = 2
    await sink.until('v2', ({ versions }) => versions.at(-1) === 'v2')
    expect(sink.versions).toEqual(['v1', 'v2'])
    expect(asked.slice(1).every((req) => req.headers['if-none-match'] !== undefined)).toBe(true)
  })

  it('without an ETag delivers nothing twice', async () => {
    const { sink, asked } = await start((_req, res) => res.end(JSON.stringify(DOCUMENT)))
    await expect.poll(() => asked.length, { timeout: 30_000 }).toBeGreaterThan(5)
    expect(sink.versions).toEqual(['v1'])
  })

  it('refuses what is no document, and takes the next one', async () => {
    let body = '{ "frontends": '
    const { sink } = await start((_req, res) => res.end(body))
    await once(sink)
    expect(sink.of('reject')[0]?.error).toMatchObject({ code: 'PROXY_CONFIG_UNUSABLE' })
    expect(sink.of('reject')[0]?.error.message).toMatch(/^GET http:.*\/config.*JSON/)
    body = JSON.stringify(DOCUMENT)
    await sink.until('it is delivered', ({ versions }) => versions.length === 1)
    expect(sink.outages).toBe(0)
  })

  it.each([
    [(_req: IncomingMessage, res: ServerResponse) => void res.writeHead(500).end('no'), /status 500/],
    [(_req: IncomingMessage, res: ServerResponse) => void res.writeHead(404).end(), /status 404/],
    [
      (_req: IncomingMessage, res: ServerResponse) => void res.writeHead(302, { Location: '/x' }).end(),
      /a redirect to/,
    ],
    [(req: IncomingMessage) => void req.socket.destroy(), /GET http/],
    [() => {}, /no byte for 100 ms/],
  ])('is in trouble without an answer, and out of it with one: %s', async (wrong, message) => {
    let isWell = false
    const { sink } = await start(
      (req, res) => (isWell ? res.end(JSON.stringify(DOCUMENT)) : wrong(req, res)),
      { idleTimeoutMs: 100 },
    )
    await sink.until('an outage', ({ isUnavailable }) => isUnavailable)
    expect(sink.of('unavailable')[0]?.error.message).toMatch(message)
    isWell = true
    await sink.until('it is delivered', ({ versions }) => versions.length === 1)
    expect(sink.said.at(-2)).toEqual({ what: 'recovered' })
  })

  it.each([
    ['too long', 'x'.repeat(2_000), /longer than 1000 bytes/],
    ['too deep', '['.repeat(500), /nested more than 32 deep/],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
  ])('refuses an answer that is %s', async (_what, body, message) => {
    const { sink } = await start((_req, res) => res.end(body), { maxBytes: 1_000 })
    await once(sink)
    expect(sink.of('reject')[0]?.error.message).toMatch(message)
  })

  it('sends headers of the host’s, and takes field names in any case', async () => {
    const { sink, asked } = await start(
      (_req, res) =>
        res.end('{"Frontends":{"F":{"Backend":"B","rule":"Host:a"}},"backends":{"B":{"Servers":{}}}}'),
      { headers: async () => ({ authorization: 'Bearer x' }) },
    )
    await once(sink)
    expect(asked[0]?.headers.authorization).toBe('Bearer x')
    expect(sink.of('update')[0]?.config).toEqual({
      frontends: { F: { backend: 'B', rule: 'Host:a' } },
      backends: { B: { servers: {} } },
    })
  })

  it('asks no more once it is stopped, and anew when it is started again', async () => {
    const { sink, asked, provider } = await start((_req, res) => res.end(JSON.stringify(DOCUMENT)))
    await once(sink)
    await provider.stop()
    const before = asked.length
    const again = new RecordingSink()
    await provider.start(again)
    await once(again)
    expect(asked.length).toBe(before + 1)
    expect(again.versions).toEqual(['v1'])
  })

  it.each([
    [{}, 'the url must be a URL, found nothing'],
    [{ url: 'ftp://a' }, 'must begin with http:// or https://'],
    [{ url: 'http://me:pass@a' }, 'carries credentials'],
    [{ url: 'http://a', pollIntervalMs: 0 }, 'pollIntervalMs'],
    [{ url: 'http://a', timeoutMs: -1 }, 'timeoutMs'],
    [{ url: 'http://a', allowEmpty: 1 }, 'allowEmpty'],
    [{ url: 'http://a', tls: { cert: 'x' } }, 'tls: expected PEM'],
    [{ url: 'http://a', interval: 1 }, 'there is no option interval'],
  ])('refuses options that are wrong: %o', (options, message) => {
    expect(() => new HttpProvider(options as HttpProviderOptions)).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringContaining(message) }),
    )
  })
})
