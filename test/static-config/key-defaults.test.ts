import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { DEFAULT_TIMEOUTS } from '../../src/model/limits.js'
import { readStaticConfig } from '../../src/static-config/read-static-config.js'
import { defaultOf } from '../../src/static-config/value-kinds.js'
import { DEFAULT_BUCKETS } from '../../src/status/series.js'
import { STATIC_KEYS } from '../../src/validation/static-keys/static-keys.js'
import { forgetMade, made } from '../support/made-providers.js'

vi.mock('../../src/providers/etcd/etcd-provider.js', async (original) =>
  (await import('../support/made-providers.js')).noting('EtcdProvider', original),
)
beforeEach(forgetMade)

const sourceOf = (file: string) => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')

/** The default that the code of an option has: `watch = true`, or `options.watch ?? true`. */
function inCode(file: string, name: string): unknown {
  const pattern = new RegExp(`\\b${name} (?:=|\\?\\?) ('[^']*'|true|false|\\d[\\d_]*)`, 'g')
  const code = sourceOf(file).replaceAll(/\/\*[\s\S]*?\*\//g, '')
  return oneOf([...code.matchAll(pattern)], file, name)
}

/** The default that the docstring of an option names. The code has none if an absent flag is false. */
function inDocstring(file: string, name: string): unknown {
  const pattern = new RegExp(`@default (\\S+)\\n +\\*/\\n +readonly ${name}\\?:`, 'g')
  return oneOf([...sourceOf(file).matchAll(pattern)], file, name)
}

function oneOf(found: readonly RegExpMatchArray[], file: string, name: string): unknown {
  const texts = new Set(found.map(([, text]) => text))
  expect(texts.size, `defaults of ${name} in ${file}`).toBe(1)
  const [text = ''] = texts
  return JSON.parse(text.replaceAll("'", '"').replaceAll('_', ''))
}

const FETCH = 'providers/http/document-client.ts'
const FOLLOW = 'providers/kv/follow-keys.ts'
const ETCD = 'providers/etcd/etcd-provider.ts'
const CONSUL = 'providers/consul/consul-provider.ts'

/** The default that an option has, for each key whose option has one. */
const OF_OPTIONS: Readonly<Record<string, () => unknown>> = {
  'accessLog.filters.retryAttempts': () => inCode('status/access-log-filters.ts', 'retryAttempts'),
  'accessLog.filters.minDuration': () => inCode('status/access-log-filters.ts', 'minDurationMs'),
  'accessLog.fields.headers.defaultMode': () => inCode('status/access-log-headers.ts', 'default: standard'),
  'file.watch': () => inCode('providers/file/file-provider.ts', 'watch'),
  'file.allowEmpty': () => inCode('providers/file/file-provider.ts', 'allowEmpty'),
  'etcd.prefix': () => inCode(ETCD, 'prefix'),
  'etcd.watch': () => inCode(FOLLOW, 'watch'),
  'etcd.followTarget': () => inCode(FOLLOW, 'followTarget'),
  'etcd.allowEmpty': () => inCode(ETCD, 'allowEmpty'),
  'etcd.tls.insecureSkipVerify': () => inCode('providers/etcd/etcd-client.ts', 'insecureSkipVerify'),
  'etcd.api.timeout': () => inCode(FETCH, 'timeoutMs'),
  'etcd.api.requirePrefix': () => inDocstring('providers/http/api-config-fetcher.ts', 'requirePrefix'),
  'consul.endpoint': () => String(inCode(CONSUL, 'url')).replace('http://', ''),
  'consul.prefix': () => inCode(CONSUL, 'prefix'),
  'consul.watch': () => inCode(FOLLOW, 'watch'),
  'consul.followTarget': () => inCode(FOLLOW, 'followTarget'),
  'consul.allowEmpty': () => inCode(CONSUL, 'allowEmpty'),
  'consul.tls.insecureSkipVerify': () => inCode(FETCH, 'insecureSkipVerify'),
  'http.pollInterval': () => inCode('providers/http/http-provider.ts', 'pollIntervalMs'),
  'http.pollTimeout': () => inCode(FETCH, 'timeoutMs'),
  'http.allowEmpty': () => inCode('providers/http/http-provider.ts', 'allowEmpty'),
  'http.tls.insecureSkipVerify': () => inCode(FETCH, 'insecureSkipVerify'),
  providersThrottleDuration: () => inCode('providers/supervised-provider.ts', 'throttleMs'),
  unsupportedFields: () => inCode('validation/unsupported-fields.ts', 'unsupportedFields'),
  'retry.attempts': () => inCode('engine/retries.ts', 'attempts'),
  'respondingTimeouts.idleTimeout': () => DEFAULT_TIMEOUTS.keepAliveMs,
  'forwardingTimeouts.dialTimeout': () => DEFAULT_TIMEOUTS.connectMs,
  'forwardingTimeouts.responseHeaderTimeout': () => DEFAULT_TIMEOUTS.responseHeadMs,
  insecureSkipVerify: () => inDocstring('engine/upstream/upstream-tls.ts', 'insecureSkipVerify'),
  keepTrailingSlash: () => inCode('rules/match-path.ts', 'keepTrailingSlash'),
}

const read = (text: string) => readStaticConfig({ text: `${text}\n[file]\nfilename = "rules.toml"` })

/** What a file without the key leads to, for each key whose default the static configuration fills in itself. */
const OF_FILES: Readonly<Record<string, () => Promise<unknown>>> = {
  logLevel: async () => (await read('')).options.logLevel?.toUpperCase(),
  debug: async () => (await read('')).options.logLevel === 'debug',
  'traefikLog.format': async () => ((await read('')).logger === undefined ? 'common' : 'json'),
  'accessLog.format': async () => (await read('[accessLog]')).options.accessLog?.format,
  'web.address': async () => (await read('[web]')).options.status?.address,
  'api.entryPoint': () => listeningFor('api'),
  'ping.entryPoint': () => listeningFor('ping'),
  'metrics.prometheus.entryPoint': () => listeningFor('metrics.prometheus'),
  'etcd.endpoint': async () => {
    await read('[etcd]')
    return (made['EtcdProvider'] as { hosts: string[] }).hosts.map((host) => host.replace('http://', ''))
  },
  'lifeCycle.graceTimeOut': async () => (await read('')).drainMs,
  'lifeCycle.requestAcceptGraceTimeout': async () => (await read('')).acceptMs,
}

/** The entry point of the status server that a table asks for. */
async function listeningFor(table: string): Promise<string | undefined> {
  const points = ['traefik', 'other'].map((name, at) => `[entryPoints.${name}]\naddress = ":${at + 1}"`)
  const { options, listen } = await read(`[${table}]\n${points.join('\n')}`)
  expect(listen).toEqual(['other'])
  return options.status?.address === ':1' ? 'traefik' : undefined
}

describe('defaults of static keys', () => {
  const declared = [...STATIC_KEYS.values()]
    .filter((key) => key.default !== undefined)
    .map(({ path }) => path)

  it('are all compared here', () => {
    expect([...Object.keys(OF_OPTIONS), ...Object.keys(OF_FILES)].sort()).toEqual(declared.sort())
  })

  it.each(Object.entries(OF_OPTIONS))('are those of the options: %s', (path, real) => {
    expect(defaultOf(path)).toEqual(real())
  })

  it.each(Object.entries(OF_FILES))('are what a file without the key gets: %s', async (path, real) => {
    expect(await real()).toEqual(defaultOf(path))
  })

  it('of buckets are those of the metrics', () => {
    const said = STATIC_KEYS.get('metrics.prometheus.buckets')?.defaultMeaning
    expect(said?.match(/[\d.]+/g)?.map(Number)).toEqual(DEFAULT_BUCKETS)
  })

  it('are asked for only where a key has one', () => {
    expect(() => defaultOf('lastGood')).toThrow('the key lastGood has no default')
  })
})
