import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
import { ApiConfigFetcher, type ApiConfigFetcherOptions, ProxyError } from 'switchover'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import {
  type Behaviour,
  cutAfter,
  drip,
  HostileApi,
  htmlPage,
  json,
  silent,
  stallAfter,
  status,
  truncated,
} from '../../support/hostile-api.js'

const V1 = '/traefik/dev/v1'
const V2 = '/traefik/dev/v2'
const frontends = { web: { backend: 'web', rule: 'Host:www.baidu.com' } }
const backends = { web: { servers: { only: { url: 'http://127.0.0.1:9' } } } }
const whole = { frontends, backends }

let api: HostileApi

beforeEach(async () => {
  api = await HostileApi.start()
})

afterEach(() => api.close())

function fetcherFor(options: Partial<ApiConfigFetcherOptions> = {}): ApiConfigFetcher {
  return new ApiConfigFetcher({ url: api.url, lagGraceMs: 0, timeoutMs: 5_000, ...options })
}

function ask(fetcher: ApiConfigFetcher, prefix: string, signal = new AbortController().signal) {
  return fetcher.fetch(prefix, { signal })
}

async function errorOf(promise: Promise<unknown>): Promise<ProxyError> {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ProxyError)
  return error as ProxyError
}

describe('an answer that asks for patience', () => {
  it.each([
    ['429 with seconds', 429, '7', 7_000],
    ['503 with seconds', 503, '120', 120_000],
    ['429 without', 429, undefined, undefined],
    ['429 with nonsense', 429, 'soon', undefined],
    ['429 with a date that is over', 429, 'Thu, 01 Jan 1970 00:00:00 GMT', undefined],
  ])('by %s is an error that says for how long', async (_, code, retryAfter, expected) => {
    api.otherwise(status(code, 'later', retryAfter === undefined ? {} : { 'retry-after': retryAfter }))
    const error = await errorOf(ask(fetcherFor(), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.retryAfterMs).toBe(expected)
  })

  it('by a date is an error that says how long until then', async () => {
    api.otherwise(status(429, '', { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }))
    const { retryAfterMs } = await errorOf(ask(fetcherFor(), V1))
    expect(retryAfterMs).toBeGreaterThan(50_000)
    expect(retryAfterMs).toBeLessThanOrEqual(60_000)
  })
})

describe('an answer that would grow when it is parsed', () => {
  it.each([
    ['brackets without end', '['.repeat(100_000), 'nested more than 32 deep'],
    ['a list of a million lists', `[${'[],'.repeat(1_000_000)}[]]`, 'more than 100000 values'],
  ])('%s: is given up before that', async (_, body, reason) => {
    api.otherwise(status(200, body))
    const error = await errorOf(ask(fetcherFor({ maxValues: 100_000 }), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain(reason)
  })

  it('is told from texts that hold brackets, commas and quotes', async () => {
    const rule = `Path:/${'[{,"\\'.repeat(50)}`
    const document = { ...whole, frontends: { web: { backend: 'web', rule } } }
    api.otherwise(json(document))
    expect(await ask(fetcherFor({ maxValues: 12, maxDepth: 5 }), V1)).toEqual(document)
  })
})

describe('over TLS', () => {
  it('is answered where the certificate is trusted, and says why where it is not', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    })
    const server = createServer({ cert, key }, (_, res) => res.end(JSON.stringify(whole)))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://localhost:${(server.address() as AddressInfo).port}/config`
    expect(await ask(fetcherFor({ url, tls: { ca: cert } }), V1)).toEqual(whole)
    expect((await errorOf(ask(fetcherFor({ url }), V1))).message).toMatch(/self-signed certificate/)
    server.closeAllConnections()
  })

  it.each([
    ['a certificate that is no PEM', { cert: 'nonsense' }],
    ['an unknown setting', { rejectUnauthorized: false }],
  ])('refuses %s at once', (_, tls: object) => {
    expect(() => fetcherFor({ tls })).toThrow(/tls/)
  })
})

describe('the question', () => {
  beforeEach(() => {
    api.otherwise(json(whole))
  })

  it.each([
    ['a plain url', '/config', '/config?prefix=%2Ftraefik%2Fdev%2Fv1'],
    ['a url with a query', '/config?all=1', '/config?all=1&prefix=%2Ftraefik%2Fdev%2Fv1'],
    ['{prefix} in the path', '/of/{prefix}/config', '/of/%2Ftraefik%2Fdev%2Fv1/config'],
    ['{prefix} twice', '/{prefix}?p={prefix}', '/%2Ftraefik%2Fdev%2Fv1?p=%2Ftraefik%2Fdev%2Fv1'],
  ])('is put to %s', async (_, path, asked) => {
    expect(await ask(fetcherFor({ url: api.origin + path }), V1)).toEqual(whole)
    expect(api.asked.map(({ url }) => url)).toEqual([asked])
  })

  it('is put to whatever url a function says for the prefix', async () => {
    const fetcher = fetcherFor({ url: (prefix) => `${api.origin}/files${prefix}.json` })
    await ask(fetcher, V1)
    expect(api.asked[0]?.url).toBe('/files/traefik/dev/v1.json')
  })

  it('carries the prefix as one value, whatever is in it', async () => {
    const prefix = '/ä b&prefix=/x?#%2F+"\'<{prefix}>'
    await ask(fetcherFor(), prefix)
    expect(api.asked[0]?.prefix).toBe(prefix)
    await ask(fetcherFor({ url: `${api.origin}/of/{prefix}` }), prefix)
    expect(decodeURIComponent(api.asked[1]?.url.slice('/of/'.length) ?? '')).toBe(prefix)
  })

  it('asks for JSON, with the headers of an object', async () => {
    await ask(fetcherFor({ headers: { authorization: 'Bearer abc' } }), V1)
    expect(api.asked[0]?.headers).toMatchObject({ accept: 'application/json', authorization: 'Bearer abc' })
  })

  it('asks a function for the headers of each question', async () => {
    let token = 0
    const fetcher = fetcherFor({ headers: async () => ({ authorization: `Bearer ${++token}` }) })
    await ask(fetcher, V1)
    await ask(fetcher, V1)
    expect(api.asked.map(({ headers }) => headers['authorization'])).toEqual(['Bearer 1', 'Bearer 2'])
  })

  it('is refused at once where there is no url', () => {
    for (const url of ['', 'config-api', { frontends: api.url, backends: '/backends' }]) {
      expect(() => new ApiConfigFetcher({ url })).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: expect.stringContaining('must be a URL'),
        }),
      )
    }
  })
})

describe('a conditional question', () => {
  const tagged = (etag: string): Behaviour => {
    const full = json({ ...whole, prefix: V1 }, { etag })
    return (res, req) => (req.headers['if-none-match'] === etag ? res.writeHead(304).end() : full(res, req))
  }

  it('is asked for the same prefix again, and 304 is the document as it was', async () => {
    const fetcher = fetcherFor()
    api.on(V1, tagged('"one"'))
    const first = await ask(fetcher, V1)
    expect(await ask(fetcher, V1)).toEqual(first)
    expect(api.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"one"'])
  })

  it('is never asked for another prefix, nor for one that another came after', async () => {
    const fetcher = fetcherFor()
    api.otherwise(json(whole, { etag: '"same for all"' }))
    for (const prefix of [V1, V2, V1]) await ask(fetcher, prefix)
    expect(api.asked.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('carries the validator of the newest answer', async () => {
    const fetcher = fetcherFor()
    api.on(V1, json(whole, { etag: '"one"' }), json({ ...whole, version: 'b' }, { etag: '"two"' }))
    await ask(fetcher, V1)
    expect((await ask(fetcher, V1)).version).toBe('b')
    await ask(fetcher, V1)
    expect(api.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"one"', '"two"'])
  })

  it('is not asked after an answer that could not be used', async () => {
    const fetcher = fetcherFor()
    api.on(V1, status(200, 'no JSON', { etag: '"bad"' }), json({ ...whole, prefix: V2 }, { etag: '"lag"' }))
    await errorOf(ask(fetcher, V1))
    await errorOf(ask(fetcher, V1))
    await errorOf(ask(fetcher, V1))
    expect(api.asked.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('that was not conditional must not be answered by 304', async () => {
    const error = await errorOf(ask(fetcherFor(), api.on(V1, status(304)) && V1))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain('status 304 for a request without If-None-Match')
  })
})

describe('the prefix that an answer is for', () => {
  it.each([
    ['in its body', json({ ...whole, prefix: V1 })],
    ['in its header', json(whole, { 'x-config-prefix': V1 })],
    ['in both', json({ ...whole, prefix: V1 }, { 'x-config-prefix': V1 })],
  ])('is believed %s, and handed on', async (_, behaviour) => {
    api.on(V1, behaviour)
    expect(await ask(fetcherFor({ requirePrefix: true }), V1)).toEqual({ ...whole, prefix: V1 })
  })

  it('may be missing, and is not made up then', async () => {
    api.on(V1, json(whole))
    expect(await ask(fetcherFor(), V1)).not.toHaveProperty('prefix')
  })

  it('may not be missing with requirePrefix', async () => {
    api.on(V1, json(whole))
    const error = await errorOf(ask(fetcherFor({ requirePrefix: true }), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain('the answer does not say its prefix')
  })

  it.each([
    ['another prefix in its body', json({ ...whole, prefix: V2 }), `"${V2}"`],
    ['another prefix in its header', json(whole, { 'x-config-prefix': V2 }), `"${V2}"`],
    ['a prefix that is no text', json({ ...whole, prefix: 7 }), '7'],
    ['404', status(404, '{"error":"no such prefix"}'), 'status 404'],
  ])('lags if it is %s: asked again until the grace is over, then refused', async (_, behaviour, says) => {
    api.on(V1, behaviour)
    const start = performance.now()
    const error = await errorOf(ask(fetcherFor({ lagGraceMs: 2_000 }), V1))
    const took = performance.now() - start
    expect(error.code).toBe('PROXY_CONFIG_LAGGING')
    expect(error.source).toBe('config')
    expect(error.message).toContain(`GET ${api.url}?prefix=%2Ftraefik%2Fdev%2Fv1: `)
    expect(error.message).toContain(says)
    expect(took).toBeGreaterThanOrEqual(2_000)
    // Between two questions there is a tenth of a second at least.
    expect(api.timesAsked(V1)).toBeGreaterThanOrEqual(3)
    expect(api.timesAsked(V1)).toBeLessThanOrEqual(Math.ceil(took / 100) + 1)
  })

  it('shows what a 404 had to say', async () => {
    api.on(V1, status(404, '<title>nginx</title>'))
    expect((await errorOf(ask(fetcherFor(), V1))).message).toContain('it begins with "<title>nginx</title>"')
  })

  it('is waited for while the API catches up within the grace', async () => {
    api.on(V1, status(404), json({ ...whole, prefix: V2 }), json({ ...whole, prefix: V1 }))
    expect(await ask(fetcherFor({ lagGraceMs: 5_000 }), V1)).toEqual({ ...whole, prefix: V1 })
    expect(api.timesAsked(V1)).toBe(3)
  })

  it('is not waited for once the fetch is aborted', async () => {
    const abort = new AbortController()
    const answer = ask(fetcherFor({ lagGraceMs: 60_000 }), V1, abort.signal)
    answer.catch(() => {})
    await api.untilAsked(V1, 2)
    abort.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('frontends and backends at two urls', () => {
  const fetcherOfHalves = (options: Partial<ApiConfigFetcherOptions> = {}) =>
    fetcherFor({
      url: { frontends: `${api.origin}/f/{prefix}`, backends: `${api.origin}/b/{prefix}` },
      ...options,
    })
  const path = (half: 'f' | 'b') => `/${half}/${encodeURIComponent(V1)}`
  const serve = (front: Behaviour[], back: Behaviour[]) => api.on(path('f'), ...front).on(path('b'), ...back)
  const askedPaths = () => api.asked.map(({ url }) => url)

  it('are put together when both carry the same version', async () => {
    serve([json({ version: '7', frontends })], [json({ version: '7', backends })])
    expect(await ask(fetcherOfHalves(), V1)).toEqual({ version: '7', frontends, backends })
    expect(askedPaths()).toEqual([path('f'), path('b')])
  })

  it('keep the fields that nobody knows, for validation to refuse', async () => {
    serve([json({ version: '7', frontends, tls: [] })], [json({ version: '7', backends, backend: {} })])
    expect(await ask(fetcherOfHalves(), V1)).toEqual({
      version: '7',
      frontends,
      backends,
      tls: [],
      backend: {},
    })
  })

  it('are asked for again while their versions differ', async () => {
    serve(
      [json({ version: '7', frontends })],
      [json({ version: '6', backends }), json({ version: '7', backends })],
    )
    expect(await ask(fetcherOfHalves({ lagGraceMs: 5_000 }), V1)).toMatchObject({ version: '7' })
  })

  it('are refused with both versions if they still differ after the grace', async () => {
    serve([json({ version: '7', frontends })], [json({ backends })])
    const error = await errorOf(ask(fetcherOfHalves({ lagGraceMs: 100 }), V1))
    expect(error.code).toBe('PROXY_CONFIG_LAGGING')
    expect(error.message).toContain(`GET ${api.origin}${path('b')}: `)
    expect(error.message).toContain('different versions: "7" and undefined')
  })

  it('without a version are believed if the frontends are unchanged after the backends were read', async () => {
    serve([json({ frontends })], [json({ backends })])
    expect(await ask(fetcherOfHalves(), V1)).toEqual({ frontends, backends })
    expect(askedPaths()).toEqual([path('f'), path('b'), path('f')])
  })

  it('without a version are read again if the frontends changed meanwhile', async () => {
    const newer = { web: { backend: 'web', rule: 'Host:map.baidu.com' } }
    serve([json({ frontends }), json({ frontends: newer })], [json({ backends })])
    expect(await ask(fetcherOfHalves({ lagGraceMs: 5_000 }), V1)).toEqual({ frontends: newer, backends })
  })

  it('hand a prefix on only if both said it', async () => {
    const versioned = { version: '7', prefix: V1 }
    serve(
      [json({ ...versioned, frontends })],
      [json({ ...versioned, backends }), json({ version: '7', backends })],
    )
    expect(await ask(fetcherOfHalves(), V1)).toMatchObject({ prefix: V1 })
    expect(await ask(fetcherOfHalves(), V1)).not.toHaveProperty('prefix')
  })

  it.each([
    ['the frontends', [json({ frontends, prefix: V2 })], [json({ backends, prefix: V1 })]],
    ['the backends', [json({ frontends, prefix: V1 })], [json({ backends, prefix: V2 })]],
  ])('lag if only %s are for another prefix', async (_, front, back) => {
    serve(front, back)
    expect((await errorOf(ask(fetcherOfHalves(), V1))).code).toBe('PROXY_CONFIG_LAGGING')
  })

  it('never mix: a half that is missing or broken spoils the whole', async () => {
    serve([json({ version: '7', frontends })], [status(500, 'out of order')])
    expect((await errorOf(ask(fetcherOfHalves(), V1))).message).toContain(
      'status 500; it begins with "out of order"',
    )
  })

  it('keep a validator each', async () => {
    serve(
      [json({ version: '7', frontends }, { etag: '"f"' })],
      [json({ version: '7', backends }, { etag: '"b"' })],
    )
    const fetcher = fetcherOfHalves()
    await ask(fetcher, V1)
    await ask(fetcher, V1)
    const validators = api.asked.map(({ headers }) => headers['if-none-match'])
    expect(validators).toEqual([undefined, undefined, '"f"', '"b"'])
  })
})

describe('an answer that is no document', () => {
  const unusable: [string, Behaviour, string][] = [
    ['HTML', htmlPage, 'status 200, but not JSON'],
    ['JSON that ends in the middle', truncated(whole), 'status 200, but not JSON'],
    ['nothing at all', status(200, ''), 'status 200, but not JSON'],
    ['null', json(null), 'status 200, but not an object; it begins with "null"'],
    ['a list', json([whole]), 'status 200, but not an object; it begins with "[{'],
    ['a text', json('frontends'), 'status 200, but not an object; it begins with "\\"frontends'],
    [
      'no UTF-8',
      (res) => res.end(Buffer.from([0xff, 0xfe, 0x7b])),
      'status 200, but not UTF-8; it begins with "ÿþ{"',
    ],
    [
      'too long',
      json({ ...whole, padding: 'x'.repeat(2_000) }),
      'longer than 1000 bytes; it begins with "{\\"front',
    ],
  ]

  it.each(unusable)('is refused as unusable: %s', async (_, behaviour, says) => {
    api.on(V1, behaviour)
    const error = await errorOf(ask(fetcherFor({ maxBytes: 1_000 }), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.source).toBe('config')
    expect(error.message).toContain(`GET ${api.url}?prefix=%2Ftraefik%2Fdev%2Fv1: status 200`)
    expect(error.message).toContain(says)
  })

  const unreachable: [string, Behaviour, string][] = [
    ['500', status(500, '{"error":"database"}'), 'status 500; it begins with "{\\"error\\":'],
    ['401', status(401, 'who are you?'), 'status 401; it begins with "who are you?"'],
    [
      'a redirect',
      status(302, '', { location: 'http://elsewhere/x' }),
      'a redirect to http://elsewhere/x, which is not',
    ],
    ['cut in the middle', cutAfter('{"frontends":'), 'it begins with "{\\"frontends\\":"'],
    [
      'stalled in the middle',
      stallAfter('{"frontends":'),
      'no complete answer within 1000 ms; it begins with',
    ],
    ['dripping', drip(20), 'no complete answer within 1000 ms; it begins with'],
    ['not begun', silent, 'no complete answer within 1000 ms'],
  ]

  it.each(unreachable)('is an API that cannot be reached: %s', async (_, behaviour, says) => {
    api.on(V1, behaviour)
    const error = await errorOf(ask(fetcherFor({ timeoutMs: 1_000 }), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.source).not.toBe('config')
    expect(error.message).toContain(`GET ${api.url}?prefix=%2Ftraefik%2Fdev%2Fv1: `)
    expect(error.message).toContain(says)
    expect(api.timesAsked(V1)).toBe(1)
  })

  it('is an API that cannot be reached if nothing listens', async () => {
    const gone = await HostileApi.start()
    const { url } = gone
    await gone.close()
    const error = await errorOf(ask(fetcherFor({ url }), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toMatch(/^GET http:\S+: .*ECONNREFUSED/)
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('no token today'))],
    [
      'throws',
      () => {
        throw new Error('no token today')
      },
    ],
  ])('is an API that cannot be reached if the function for the headers %s', async (_, headers) => {
    const error = await errorOf(ask(fetcherFor({ headers }), V1))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toContain(`GET ${api.url}?prefix=`)
    expect(error.message).toContain('no token today')
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('never comes of a url with credentials: that is refused, and they are not shown', () => {
    for (const url of ['http://proxy:s3cret@config-api/config', 'http://:s3cret@config-api/{prefix}']) {
      expect(() => new ApiConfigFetcher({ url })).toThrow(/carries credentials; send them in headers$/)
    }
  })

  it('shows no credentials that a function put into the url', async () => {
    const secretive = api.url.replace('http://', 'http://proxy:s3cret@')
    for (const behaviour of [
      htmlPage,
      status(500),
      silent,
      status(404),
      json({ ...whole, prefix: V2 }),
      drip(5),
    ]) {
      api.on(V1, behaviour)
      const error = await errorOf(ask(fetcherFor({ url: () => secretive, timeoutMs: 100 }), V1))
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain('s3cret')
      expect(error.message).toContain('http://***@127.0.0.1')
    }
  })

  it.each([
    [
      { url: 'http://x/', timeoutMS: 1 },
      /ApiConfigFetcher: there is no option timeoutMS; the nearest known one is "timeoutMs"/,
    ],
    [{ url: 'http://x/', timeoutMs: 0 }, /timeoutMs: expected a number above 0, found 0/],
    [{ url: 'http://x/', maxBytes: Number.NaN }, /maxBytes: expected a number above 0, found NaN/],
    [{ url: 'http://x/', lagGraceMs: -1 }, /lagGraceMs: expected a number above 0, found -1/],
    [{ url: 'ftp://x/' }, /must begin with http:\/\/ or https:\/\/, found ftp:/],
    [{}, /must be a URL or a function, found nothing/],
  ])('comes of options that are wrong: %j', (options, message) => {
    expect(() => new ApiConfigFetcher(options as ApiConfigFetcherOptions)).toThrow(message)
  })

  it('does not keep the next one from being fetched', async () => {
    const fetcher = fetcherFor({ idleTimeoutMs: 1_000 })
    api.on(V1, cutAfter('{'), htmlPage, status(500, 'x'.repeat(1e6)), stallAfter('{'), json(whole))
    for (let failure = 0; failure < 4; failure++) await errorOf(ask(fetcher, V1))
    expect(await ask(fetcher, V1)).toEqual(whole)
  })
})

describe('an abort', () => {
  it.each([
    ['before the answer begins', silent],
    ['in the middle of the answer', stallAfter('{"frontends":')],
  ])('ends a fetch at once %s', async (_, behaviour) => {
    api.on(V1, behaviour)
    const abort = new AbortController()
    const answer = ask(fetcherFor(), V1, abort.signal)
    answer.catch(() => {})
    await api.untilAsked(V1, 1)
    abort.abort(new Error('a newer alias value'))
    // At its limits it would end too, with another reason.
    await expect(answer).rejects.toThrow('a newer alias value')
  })

  it('ends a fetch that waits for its headers', async () => {
    const abort = new AbortController()
    const headers = () => new Promise<Record<string, string>>(() => {})
    const answer = ask(fetcherFor({ headers }), V1, abort.signal)
    answer.catch(() => {})
    abort.abort(new Error('a newer alias value'))
    await expect(answer).rejects.toThrow('a newer alias value')
  })

  it('before the fetch asks nothing', async () => {
    await expect(ask(fetcherFor(), V1, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
    expect(api.asked).toEqual([])
  })
})

it('headers that never come are an API that cannot be reached in time', async () => {
  const headers = () => new Promise<Record<string, string>>(() => {})
  const error = await errorOf(ask(fetcherFor({ headers, timeoutMs: 100 }), V1))
  expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
  expect(error.message).toContain('within 100 ms')
})
