import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { HttpProvider, type HttpProviderOptions, ProxyError } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type DocumentFormat, parseDocument, parseText } from '../../src/providers/parse-document.js'
import { parseInThread } from '../../src/providers/parse-in-thread.js'
import { parseYaml } from '../../src/providers/parse-yaml.js'
import type { Hostile } from '../support/small-heap-child.js'

const MB = 1_000_000
const LIMITS = { maxDepth: 32, maxValues: 5_000_000 }

const filled = (piece: string, bytes = MB) => piece.repeat(Math.floor(bytes / piece.length))
const numbered = (of: (nth: number) => string, count: number) =>
  Array.from({ length: count }, (_, nth) => of(nth)).join('')

async function refusalOf(parsing: Promise<unknown>): Promise<string> {
  const error = await parsing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof Error ? error.message : 'accepted'
}

const refused = (text: string, format: DocumentFormat) =>
  refusalOf(parseDocument(Buffer.from(text), format, 'a.file'))

/** A document as people write it, of so many frontends. */
function ordinary(count: number): string {
  const frontends = numbered((n) => `  f${n}:\n    backend: b${n}\n    rule: "Host:h${n}.test"\n`, count)
  const backends = numbered(
    (n) => `  b${n}: # ${n}\n    servers:\n      one: {url: 'http://10.0.0.1:80'}\n`,
    count,
  )
  return `frontends:\n${frontends}backends:\n${backends}`
}

describe('a hostile document of a megabyte is refused by the limit that it breaks', {
  timeout: 60_000,
}, () => {
  // Which of them is reached first is V8's affair: objects are not of one size in all of its versions.
  const memory =
    /^a\.file(: more than \d+ MiB of memory to parse it, the limit for a document of \d+ bytes|:\d+:\d+: more than 1000000 tokens in one part)$/
  it.each<[string, string, RegExp]>([
    ['lists in a list', `a: [${filled('[],')}]`, memory],
    ['tables in a list', `a: [${filled('{},')}]`, memory],
    ['commas', `a: [${filled(',')}]`, memory],
    ['braces', filled('}'), memory],
    ['names without values', filled('a:\n'), memory],
    ['dashes', `a:\n${filled('-\n')}`, memory],
    ['comments', `${filled('#\n')}a: 1`, memory],
    ['empty lines', `${filled('\n')}a: 1`, memory],
    ['directives', filled('%A b\n'), memory],
    ['documents', filled('---\n'), memory],
    ['anchors', numbered((nth) => `- &a${nth} 1\n`, 80_000), memory],
    ['lists within each other', `a: ${filled('[')}`, /^a\.file:1:\d+: nested more than 32 deep$/],
    ['dashes within each other', filled('- '), /^a\.file:1:\d+: nested more than 32 deep$/],
    ['questions within each other', filled('? '), /^a\.file:1:\d+: nested more than 32 deep$/],
  ])('YAML: %s', async (_what, text, flaw) => {
    expect(await refused(text, 'yaml')).toMatch(flaw)
  })

  it.each<[string, string, RegExp]>([
    ['tables in a list', `a = [${filled('{},')}]`, memory],
    ['a name of many parts', `a${filled('.a')} = 1`, /^a\.file:1:66: nested more than 32 deep$/],
    ['a table of many parts', `[a${filled('.a')}]`, /^a\.file:1:67: nested more than 32 deep$/],
    [
      'lists within each other',
      `a = ${filled('[', 900_000)}`,
      /^a\.file:1:37: document contains excessively nested/,
    ],
    ['values', `a = [${filled('1,', 2_200_000)}]`, /^a\.file:1:\d+: more than 1000000 values$/],
  ])('TOML: %s', async (_what, text, flaw) => {
    expect(await refused(text, 'toml')).toMatch(flaw)
  })

  it.each<[string, string, string]>([
    ['lists within each other', filled('['), 'a.file is nested more than 32 deep'],
    ['more values than there may be', `[${filled('1,', 10_000_020)}1]`, 'a.file is more than 5000000 values'],
  ])('JSON: %s', async (_what, text, flaw) => {
    expect(await refused(text, 'json')).toBe(flaw)
  })

  it('references to references', async () => {
    const levels = numbered((nth) => `a${nth + 1}: &a${nth + 1} [${filled(`*a${nth},`, 40)}]\n`, 20)
    const message = await refused(`a0: &a0 [1]\n${levels}`, 'yaml')
    expect(message).toMatch(/^a\.file: Excessive alias count/)
    const padded = `${filled('# a comment that makes it long enough for a thread\n', 9_000)}a0: &a0 [1]\n${levels}`
    expect(await refused(padded, 'yaml')).toMatch(/^a\.file: Excessive alias count/)
  })

  it('more characters than there may be', async () => {
    expect(await refused(`a: ${filled('x', 17 * 1024 * 1024)}`, 'yaml')).toBe(
      'a.file: more than 16777216 characters of yaml',
    )
  })

  it.each<[DocumentFormat, string]>([
    ['yaml', `a: [${filled('{},', 600_000)}]`],
    ['toml', numbered((nth) => `[${nth.toString(36)}]\n`, 90_000)],
  ])('holds up nothing else meanwhile: %s', async (format, text) => {
    // What is loaded first has turns of its own.
    await parseText('', format, 'a.file').catch(() => {})
    let turns = 0
    let isOver = false
    const turn = () => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    await refused(text, format)
    isOver = true
    // Parsed in this thread it is one turn, or a few.
    expect(turns).toBeGreaterThan(100)
  })
})

describe('a document that is large, and no more than that', { timeout: 60_000 }, () => {
  it.each<[string, DocumentFormat, string]>([
    ['YAML of 6,000 frontends', 'yaml', ordinary(6_000)],
    [
      'TOML of 6,000 frontends',
      'toml',
      numbered((n) => `[frontends.f${n}]\nbackend = "b${n}"\nrule = "Host:h${n}.test" # x = [\n`, 6_000),
    ],
  ])('is taken: %s', async (_what, format, text) => {
    const document = (await parseDocument(Buffer.from(text), format, 'a.file')) as {
      frontends: Record<string, unknown>
    }
    const names = Object.keys(document.frontends)
    expect(names).toHaveLength(6_000)
    expect(names[4_321]).toBe('f4321')
    expect(document.frontends['f4321']).toEqual({ backend: 'b4321', rule: 'Host:h4321.test' })
  })

  it('is the same in parts as in one', async () => {
    const tricky = [
      ordinary(1_500),
      `7: x\nfrontends:\n${numbered((n) => `  ${n}: {a: [1, "x: y"], b: null}\n`, 3_000)}`,
      `frontends:\n${numbered((n) => `  f${n}: |\n    text\n  # a comment\n\n  "q${n}": 'a\n    b'\n`, 1_000)}\nlast: [a]\n`,
      `a:\n${numbered((n) => `  __proto__x${n}: ~\n`, 1_200)}  __proto__: {polluted: true}\nb:\n${numbered((n) => `  k${n}: 1.5e3\n`, 900)}`,
      `frontends: # here\n${numbered((n) => `    f${n}:\n      - a: 1\n        b: 2\n      - c\n`, 900)}`,
      `a:\n${numbered((n) => `  k${n}: 1\n`, 900)}b: &x {c: 1}\nd:\n${numbered((n) => `  k${n}: *x\n`, 900)}`,
      `a:\n${numbered((n) => `  ? k${n}\n  : {v: ${n}}\n`, 1_200)}`,
    ]
    for (const text of tricky) {
      const whole = await parseYaml(text, LIMITS)
      let parts = 0
      await parseYaml(text, LIMITS, () => {
        parts += 1
      })
      expect(parts).toBeGreaterThan(1)
      const inThread = await parseInThread(text, 'yaml', LIMITS)
      expect(inThread).toEqual(whole.document)
      // The order of names too. Compared as a whole: a difference would be a megabyte long.
      expect(JSON.stringify(inThread) === JSON.stringify(whole.document)).toBe(true)
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it.each<[string, string, string]>([
    ['a name twice', `${ordinary(900)}  b3: {}\n`, 'a.file:5403:3: the name "b3" occurs twice'],
    ['a table twice', `${ordinary(900)}frontends: {}\n`, 'a.file:5403:1: the name "frontends" occurs twice'],
    [
      'a name twice, far apart',
      `a:\n${numbered((n) => `  k${n % 2_000}: 1\n`, 2_001)}`,
      'a.file:2002:3: the name "k0" occurs twice',
    ],
    ['a list that does not end', `${ordinary(900)}  x: [1\n`, 'a.file:5404:1: '],
    [
      'an anchor that comes too late',
      `${ordinary(900)}  x: *later\n  y: &later 1\n`,
      'a.file:5403:6: an alias without an anchor of its name before it',
    ],
  ])('is refused at its place: %s', async (_what, text, flaw) => {
    expect(await refused(text, 'yaml')).toContain(flaw)
  })

  it('shows nothing of what stands where it is wrong', async () => {
    const message = await refused(`${ordinary(900)}  x: !s3cret y\n`, 'yaml')
    expect(message).toContain('a tag that cannot be resolved')
    expect(message).not.toContain('s3cret')
  })
})

describe('a process with a small heap', { timeout: 120_000 }, () => {
  it('lives through hostile documents of three megabytes', async () => {
    const program = fileURLToPath(new URL('../support/small-heap-child.ts', import.meta.url))
    const child = fork(program, { execArgv: ['--max-old-space-size=64', '--import', 'tsx'] })
    onTestFinished(() => void child.kill())
    const ended = once(child, 'exit').then(([code]) => `it ended with ${code}`)
    const said = () => Promise.race([once(child, 'message').then(([word]) => String(word)), ended])
    expect(await said()).toBe('ready')
    for (const [start, piece] of [
      ['a: [', '[],'],
      ['a: [', ','],
      ['', '}'],
      ['a:\n', '- a\n'],
      ['', '#\n'],
    ]) {
      child.send({ start, piece, bytes: 3 * MB } as Hostile)
      expect(await said()).toMatch(/^a\.yaml.*: more than \d+ (MiB of memory|tokens)/)
    }
  })
})

describe('what an answer is counted as', () => {
  async function served(
    path: string,
    type: string,
    body: Buffer | string,
    options: Partial<HttpProviderOptions> = {},
  ) {
    const server = createServer((_, res: ServerResponse) => {
      res.setHeader('content-type', type)
      if (typeof body !== 'string') res.setHeader('content-encoding', 'gzip')
      res.end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
    const provider = new HttpProvider({ url, ...options })
    onTestFinished(() => provider.stop())
    return new Promise<unknown>((resolve) => {
      void provider.start({
        update: async (document: unknown) => resolve(document),
        reject: resolve,
        unavailable: resolve,
        recovered: () => {},
      } as never)
    })
  }

  const deep = `{"a":${filled('[', 40)}${filled(']', 40)}}`
  it.each<[string, string, string, RegExp]>([
    ['/d.yaml', 'application/json', deep, /the answer is nested more than 32 deep/],
    ['/d.toml', 'application/json; charset=utf-8', deep, /the answer is nested more than 32 deep/],
    ['/d', 'text/plain', deep, /the answer is nested more than 32 deep/],
    ['/d.json', 'application/yaml', deep, /nested more than 32 deep/],
    ['/d.json', 'application/toml', `a = ${filled('[', 40)}`, /excessively nested/],
  ])('is what it is parsed as: %s as %s', async (path, type, body, flaw) => {
    const found = await served(path, type, body)
    expect(found).toBeInstanceOf(ProxyError)
    expect(found).toMatchObject({ code: 'PROXY_CONFIG_UNUSABLE', message: expect.stringMatching(flaw) })
  })

  it.each([
    ['application/json', '{"a":[1,2,3,4,5,6,7]}'],
    ['application/yaml', 'a: [1, 2, 3, 4, 5, 6, 7]'],
    ['application/toml', 'a = [1, 2, 3, 4, 5, 6, 7]'],
  ])('with the limits of the provider: %s', async (type, body) => {
    const found = await served('/d', type, body, { maxValues: 5 })
    expect(found).toMatchObject({ message: expect.stringContaining('more than 5 values') })
    expect(await served('/d', type, body, { maxValues: 50 })).toEqual({ a: [1, 2, 3, 4, 5, 6, 7] })
  })

  it('is refused though it is small on its way', { timeout: 60_000 }, async () => {
    const body = gzipSync(`a: [${filled('[],', 600_000)}]`)
    expect(body.length).toBeLessThan(2_000)
    const found = await served('/d.yaml', 'application/yaml', body)
    expect(found).toMatchObject({ message: expect.stringMatching(/more than \d+ MiB of memory/) })
  })
})

describe('texts', () => {
  it('of TOML hold no values and no depth', async () => {
    const text = `a = "[,=${filled('.', 99)}"\nb = '''\n[[[,,,'' ''' # [,=.\nc = """\\"""" # x\nd = ''\ne = [1]`
    expect(await parseText(text, 'toml', 'a.toml', { maxValues: 8 })).toMatchObject({ d: '', e: [1] })
    expect(await refusalOf(parseText(text, 'toml', 'a.toml', { maxValues: 5 }))).toContain(
      'more than 5 values',
    )
  })
})
