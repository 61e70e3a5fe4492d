import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify as tomlOf } from 'smol-toml'
import {
  ConsulProvider,
  createProxy,
  EtcdAliasProvider,
  EtcdPrefixFetcher,
  EtcdProvider,
  FileProvider,
  HttpProvider,
  type Provider,
  type ProviderConfig,
  type ReverseProxy,
} from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify as yamlOf } from 'yaml'
import { ConsulServer } from '../support/consul-server.js'
import { keysOf, writeAtOnce } from '../support/etcd-keys.js'
import { EtcdServer } from '../support/etcd-server.js'
import { eventually, nextEvent } from '../support/next-event.js'

const MAX_BYTES = 100_000

function document(version: string): ProviderConfig {
  return {
    version,
    frontends: { web: { backend: 'web', routes: { main: { rule: `Host:${version}.test` } } } },
    backends: { web: { servers: { one: { url: 'http://127.0.0.1:9' } } } },
  }
}

const serves = (proxy: ReverseProxy, version: string) =>
  proxy.explain({ host: `${version}.test`, path: '/', clientAddress: '192.0.2.1' }).winner !== undefined

/** Good, then bad, then good: the bad one is told and changes nothing, and the next good one needs no help. */
async function expectRefused(
  provider: Provider,
  say: (what: 'first' | 'bad' | 'second') => Promise<void>,
  message: RegExp,
): Promise<void> {
  await say('first')
  const proxy = createProxy({ providers: [provider] })
  onTestFinished(() => proxy.close())
  await proxy.ready({ timeoutMs: 30_000 })
  const rejected = nextEvent(proxy, 'configRejected', ({ error }) => message.test(error.message))
  await say('bad')
  await rejected
  expect(serves(proxy, 'first')).toBe(true)
  await say('second')
  await eventually(() => serves(proxy, 'second'), 'the next good one serves')
}

type Format = 'toml' | 'yaml' | 'json'
const WRITERS = { toml: tomlOf, yaml: yamlOf, json: (value: unknown) => JSON.stringify(value) } as const
const write = (format: Format, value: unknown) =>
  Buffer.from(WRITERS[format](value as Record<string, unknown>))

/** Bytes that are no good document, for each format what they are refused with. */
const BYTES: readonly [what: string, bytes: (format: Format) => Buffer | undefined, message: RegExp][] = [
  [
    'malformed',
    (format) => Buffer.from({ toml: 'a = = 1', yaml: 'a: [1, }', json: '{"a": 1,, }' }[format]),
    /:1:\d+:|JSON|position/i,
  ],
  [
    'truncated',
    (format) => {
      const whole = write(format, document('cut'))
      return whole.subarray(0, whole.indexOf('web') + 1)
    },
    /./,
  ],
  [
    'huge',
    (format) => write(format, { ...document('huge'), version: 'x'.repeat(MAX_BYTES) }),
    /100000 bytes/,
  ],
  [
    'deeply nested',
    (format) => {
      const depth = 200
      const lists = `${'['.repeat(depth)}${']'.repeat(depth)}`
      return Buffer.from({ toml: `a = ${lists}`, yaml: `a: ${lists}`, json: `{"a":${lists}}` }[format])
    },
    /nest|deep|depth|levels/i,
  ],
  [
    'a bomb of references',
    (format) => {
      if (format !== 'yaml') return undefined
      const lines = ['a0: &a0 [x, x]']
      for (let at = 1; at < 40; at++) lines.push(`a${at}: &a${at} [${`*a${at - 1}, `.repeat(9)}*a${at - 1}]`)
      return Buffer.from(lines.join('\n'))
    },
    /alias/i,
  ],
  ['wrongly typed', (format) => write(format, { frontends: 7, backends: 'x' }), /frontends/],
  [
    'wrongly typed within',
    (format) => write(format, { ...document('typed'), backends: { web: { servers: { one: { url: 7 } } } } }),
    /backends\.web\.servers\.one\.url: expected a text, found number 7/,
  ],
  ['no UTF-8', (format) => Buffer.concat([write(format, document('bytes')), Buffer.of(0xff, 0xfe)]), /UTF-8/],
  ['empty', () => Buffer.alloc(0), /./],
  ['empty of frontends', (format) => write(format, { frontends: {}, backends: {} }), /no frontends/],
  [
    'frontends without backends',
    (format) => write(format, { frontends: document('front').frontends, backends: {} }),
    /there is no backend "web"/,
  ],
]
const cases = BYTES.flatMap(([what, bytes, message]) =>
  (['toml', 'yaml', 'json'] as const).flatMap((format) => {
    const made = bytes(format)
    return made ? [{ what, format, bytes: made, message }] : []
  }),
)

describe.each(cases)('$what $format', ({ format, bytes, message }) => {
  it('in a file is refused, and what served goes on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bad-input-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const filename = join(folder, `rules.${format}`)
    await expectRefused(
      new FileProvider({ filename, debounceMs: 10, maxBytes: MAX_BYTES }),
      async (what) => {
        await writeFile(`${filename}.new`, what === 'bad' ? bytes : write(format, document(what)))
        await rename(`${filename}.new`, filename)
      },
      message,
    )
  })

  it('under a URL is refused, and what served goes on', async () => {
    let said: Buffer
    const server = createServer((_req, res) => res.end(said))
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rules.${format}`
    await expectRefused(
      new HttpProvider({ url, pollIntervalMs: 20, maxBytes: MAX_BYTES }),
      async (what) => {
        said = what === 'bad' ? bytes : write(format, document(what))
      },
      message,
    )
  })
})

/** Keys to add to good ones, and keys to take away. */
interface BadKeys {
  readonly put?: Readonly<Record<string, string>>
  readonly gone?: readonly string[]
}

const ALL = Object.keys(keysOf(document('x'), '')).map((key) => key.slice(1))

const KEYS: readonly [what: string, keys: BadKeys, message: RegExp][] = [
  ['wrongly typed', { put: { 'backends/web/servers/one/weight': 'heavy' } }, /weight: expected .* "heavy"/],
  [
    'misspelt',
    { put: { 'frontends/web/whitelsit/sourcerange': '10.0.0.0/8' } },
    /nearest known one is "whiteList"/,
  ],
  [
    'not supported',
    { put: { 'frontends/web/auth/basic/users': 'x' } },
    /auth of Traefik is not supported yet/,
  ],
  ['huge', { put: { comment: 'x'.repeat(MAX_BYTES) } }, /more than 100000 bytes|longer than/],
  ['no rule', { put: { 'frontends/web/routes/main/rule': 'Hosst:x' } }, /nearest known one is "Host"/],
  ['empty', { gone: ALL }, /nothing below/],
  [
    'frontends without backends',
    { gone: ALL.filter((key) => key.startsWith('backends/')) },
    /there is no backend "web"/,
  ],
]

describe.each(KEYS)('%s keys', (_what, { put = {}, gone = [] }, message) => {
  let etcd: EtcdServer
  beforeAll(async () => {
    etcd = await sharedEtcd()
  })

  /** Puts a whole state below a prefix at once. */
  const stateOf = (prefix: string, what: 'first' | 'bad' | 'second') => {
    const below = (keys: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(keys).map(([key, value]) => [`${prefix}/${key}`, value]))
    const isBad = what === 'bad'
    const keys = isBad ? below(put) : keysOf(document(what), prefix)
    const absent = isBad ? gone : Object.keys(put).filter((key) => !ALL.includes(key))
    return { keys, absent: absent.map((key) => `${prefix}/${key}`) }
  }

  it('in etcd are refused, and what served goes on', async () => {
    const prefix = `/bad/${++places}`
    await expectRefused(
      new EtcdProvider({ hosts: etcd.url, prefix, debounceMs: 10, maxBytes: MAX_BYTES }),
      async (what) => {
        const { keys, absent } = stateOf(prefix, what)
        await writeAtOnce(etcd, keys, absent)
      },
      message,
    )
  })

  it('in etcd behind an alias are refused, and what served goes on', async () => {
    const root = `/bad/${++places}`
    const fetcher = new EtcdPrefixFetcher({ hosts: etcd.url, maxBytes: MAX_BYTES })
    await expectRefused(
      new EtcdAliasProvider({ hosts: etcd.url, aliasKey: `${root}/alias`, fetcher }),
      async (what) => {
        const prefix = `${root}/${what}`
        const { keys, absent } = stateOf(prefix, what)
        await writeAtOnce(etcd, { ...keysOf(document(what), prefix), ...(what === 'bad' ? {} : keys) })
        await writeAtOnce(etcd, { ...keys, [`${root}/alias`]: prefix }, absent)
      },
      message,
    )
  })

  it('in Consul are refused, and what served goes on', async () => {
    const consul = await ConsulServer.start()
    onTestFinished(() => consul[Symbol.asyncDispose]())
    await expectRefused(
      new ConsulProvider({ url: consul.url, prefix: 'bad', debounceMs: 10, maxBytes: MAX_BYTES }),
      async (what) => {
        const { keys, absent } = stateOf('bad', what)
        for (const [key, value] of Object.entries(keys)) consul.put(key, value)
        for (const key of absent) consul.delete(key)
      },
      message,
    )
  })
})

let places = 0
let started: Promise<EtcdServer> | undefined

function sharedEtcd(): Promise<EtcdServer> {
  started ??= EtcdServer.start()
  return started
}

afterAll(async () => (await started)?.stop())
