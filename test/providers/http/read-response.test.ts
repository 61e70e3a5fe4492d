import { brotliCompressSync, gzipSync } from 'node:zlib'
import { ProxyError } from 'switchover'
import { Agent } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { excerptOf, getText } from '../../../src/providers/http/read-response.js'
import {
  type Behaviour,
  cutAfter,
  drip,
  HostileApi,
  silent,
  stallAfter,
  status,
} from '../../support/hostile-api.js'
import { eventually } from '../../support/next-event.js'

let api: HostileApi
let agent: Agent

beforeEach(async () => {
  api = await HostileApi.start()
  agent = new Agent()
})

afterEach(async () => {
  await agent.destroy()
  await api.close()
})

function get(
  behaviour: Behaviour,
  { maxBytes = 1_000, timeoutMs = 5_000, idleTimeoutMs = 5_000, signal = never() } = {},
) {
  api.otherwise(behaviour)
  return getText(
    api.url,
    async () => ({ 'x-own': 'yes' }),
    { maxBytes, timeoutMs, idleTimeoutMs },
    signal,
    agent,
  )
}

function never(): AbortSignal {
  return new AbortController().signal
}

async function errorOf(promise: Promise<unknown>): Promise<ProxyError> {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ProxyError)
  return error as ProxyError
}

describe('getText', () => {
  it('resolves to the whole text with its headers, and sends the headers it was given', async () => {
    const { status: code, headers, body } = await get(status(200, 'grüße', { etag: '"1"' }))
    expect({ code, etag: headers['etag'], body }).toEqual({ code: 200, etag: '"1"', body: 'grüße' })
    expect(api.asked[0]?.headers['x-own']).toBe('yes')
  })

  it('takes a body that is just as long as may be, and none that is a byte longer', async () => {
    expect((await get(status(200, 'x'.repeat(1_000)))).body).toHaveLength(1_000)
    const error = await errorOf(get(status(200, 'x'.repeat(1_001))))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toMatch(/^GET http:\S+\/config: status 200, .*longer than 1000 bytes; .*"xxxxx/)
  })

  it('stops reading a body that is too long, instead of reading it all', async () => {
    await errorOf(get(api.endless(1e9)))
    expect(api.streamed).toBeLessThan(50e6)
  })

  it('leaves a 304 and a 404 to the caller', async () => {
    expect(await get(status(304))).toMatchObject({ status: 304, body: '' })
    expect(await get(status(404, 'gone'))).toMatchObject({ status: 404, body: 'gone' })
    expect((await get(status(404, 'x'.repeat(100_000)))).body).toBe('x'.repeat(121))
  })

  it.each([201, 204, 400, 401, 500, 503])(
    'says the status %i and the first bytes of that answer',
    async (code) => {
      const error = await errorOf(get(status(code, code === 204 ? '' : `what ${code} says`)))
      expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
      expect(error.message).toContain(`GET ${api.url}: status ${code}`)
      if (code !== 204) expect(error.message).toContain(`"what ${code} says"`)
    },
  )

  it('quotes only the beginning of a long answer, on one line', async () => {
    const { message } = await errorOf(get(status(500, `two\nlines ${'x'.repeat(100_000)}`)))
    expect(message).toContain('"two\\nlines xxx')
    expect(message.length).toBeLessThan(300)
  })

  it.each([301, 302, 303, 307, 308])('does not follow a %i, but names its target', async (code) => {
    const location = 'http://user:secret@127.0.0.1:1/elsewhere'
    const { message } = await errorOf(get(status(code, '', { location })))
    expect(message).toContain(
      `status ${code}, a redirect to http://***@127.0.0.1:1/elsewhere, which is not followed`,
    )
    expect(message).not.toContain('secret')
    expect(api.asked).toHaveLength(1)
  })

  it('refuses what is no UTF-8, and quotes it', async () => {
    const bytes: Behaviour = (res) => res.writeHead(200).end(Buffer.from([0x7b, 0x22, 0xff, 0xfe]))
    const error = await errorOf(get(bytes))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain('status 200, but not UTF-8; it begins with "{\\"ÿþ"')
  })

  it('gives up at the limit when no answer begins', async () => {
    const error = await errorOf(get(silent, { timeoutMs: 100 }))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toContain(`GET ${api.url}: no complete answer within 100 ms`)
  })

  it.each([
    ['stalls', stallAfter('{"frontends"')],
    ['drips', drip(10)],
  ])('gives up at the limit when the body %s, and says what came', async (_, behaviour) => {
    const error = await errorOf(get(behaviour, { timeoutMs: 1_000 }))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toMatch(
      /status 200, .*no complete answer within 1000 ms; it begins with "(\{\\"front| )/,
    )
  })

  it.each([200, 500])('says that a connection was cut in the middle of a body of status %i', async (code) => {
    const error = await errorOf(get(cutAfter('{"frontends"', code)))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toContain(`GET ${api.url}: status ${code}`)
    expect(error.message).toContain('it begins with "{\\"frontends\\""')
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('says that nothing listens', async () => {
    const { url } = api
    await api.close()
    const error = await errorOf(
      getText(url, async () => ({}), { maxBytes: 1, timeoutMs: 5_000, idleTimeoutMs: 5_000 }, never(), agent),
    )
    api = await HostileApi.start()
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toContain(`GET ${url}: `)
    expect(error.message).toContain('ECONNREFUSED')
  })

  it.each([
    ['before an answer', silent],
    ['in the middle of a body', stallAfter('{')],
  ])('gives up at once when it is aborted %s, with the reason of the abort', async (_, behaviour) => {
    const abort = new AbortController()
    const reason = new Error('a newer alias value')
    const answer = get(behaviour, { signal: abort.signal })
    answer.catch(() => {})
    await eventually(() => api.asked.length === 1, 'it is asked')
    abort.abort(reason)
    // At its limits it would end too, with another reason.
    await expect(answer).rejects.toBe(reason)
  })
})

describe('excerptOf', () => {
  it('shows a short text whole and a long one by its beginning', () => {
    expect(excerptOf('a "b"\n')).toBe('"a \\"b\\"\\n"')
    expect(excerptOf('x'.repeat(500))).toBe(`"${'x'.repeat(120)}..."`)
  })
})

describe('a compressed answer', () => {
  const compressed = (coding: string, body: Buffer): Behaviour => {
    return (res) => res.writeHead(200, { 'content-encoding': coding }).end(body)
  }

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['br', brotliCompressSync],
    ['identity', Buffer.from],
  ] as const)('in %s is read as it was', async (coding, compress) => {
    const { body } = await get(compressed(coding, compress('{"frontends":{}}') as Buffer))
    expect(body).toBe('{"frontends":{}}')
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('that is a bomb in %s is given up at the limit, not at its end', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(50_000_000, 'a'))
    const error = await errorOf(get(compressed(coding, bomb), { maxBytes: 100_000 }))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain('longer than 100000 bytes; it begins with "aaaa')
  })

  it.each([
    ['gzip', Buffer.from('{"frontends":{}}')],
    ['gzip', gzipSync('{"frontends":{}}').subarray(0, -12)],
    ['br', Buffer.from('{"frontends":{}}')],
  ])('in %s that is none is unusable', async (coding, body) => {
    const error = await errorOf(get(compressed(coding, body)))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain('status 200, wrongly compressed: ')
  })

  it('in a coding that nobody asked for is unusable', async () => {
    const error = await errorOf(get(compressed('deflate', Buffer.from('x'))))
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toContain('compressed by "deflate"; expected gzip or br')
  })

  it('that is cut on the way is an outage, not a bad document', async () => {
    const half = gzipSync(Buffer.alloc(10_000, Math.random().toString())).subarray(0, 20)
    const cut: Behaviour = (res) => {
      res.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '10000' })
      res.write(half, () => setTimeout(() => res.destroy(), 20))
    }
    expect((await errorOf(get(cut))).code).toBe('PROXY_CONFIG_UNREACHABLE')
  })
})

describe('silence', () => {
  it.each([
    ['before an answer', silent],
    ['within one', stallAfter('{')],
  ])('%s ends an attempt long before its whole time is over', async (_when, behaviour) => {
    const error = await errorOf(get(behaviour, { idleTimeoutMs: 100, timeoutMs: 60_000 }))
    expect(error.code).toBe('PROXY_CONFIG_UNREACHABLE')
    expect(error.message).toContain('no byte for 100 ms')
  })

  it('is not what a slow but steady answer is', async () => {
    const error = await errorOf(get(drip(20), { idleTimeoutMs: 1_500, timeoutMs: 2_500 }))
    expect(error.message).toContain('no complete answer within 2500 ms')
  })
})
