import { describe, expect, it } from 'vitest'
import { keysAtRestart } from '../../src/static-config/keys-at-restart.js'
import { readStaticConfig } from '../../src/static-config/read-static-config.js'
import { PROVIDER_TABLES, STATIC_KEYS } from '../../src/validation/static-keys/static-keys.js'

const read = (text: string) => readStaticConfig({ text })
const BASE = '[file]\nfilename = "rules.toml"\n'
const changed = async (before: string, after: string) => keysAtRestart(await read(before), await read(after))

describe('keys that a reload', () => {
  it('applies are those of providers and documents, and few others', () => {
    const applied = [...STATIC_KEYS.values()].filter(({ reload }) => reload === 'applied')
    const others = applied.filter(
      ({ path, becomes }) => !/^(file|etcd|consul|http)\b/.test(path) && becomes !== 'refused',
    )
    expect(others.map(({ path }) => path)).toEqual([
      'entryPoints.*.address',
      'entryPoints.*.mode',
      'entryPoints.*.forwardedHeaders.trustedIPs',
      'entryPoints.*.forwardedHeaders.insecure',
      'entryPoints.*.whiteList.sourceRange',
      'entryPoints.*.whiteList.useXForwardedFor',
      'entryPoints.*.whitelistSourceRange',
      'defaultEntryPoints',
      'trustedProxies',
      'frontends',
      'backends',
      'providersThrottleDuration',
      'lifeCycle.graceTimeOut',
      'lifeCycle.requestAcceptGraceTimeout',
      'graceTimeOut',
    ])
    const atRestart = [...STATIC_KEYS.values()].filter(({ reload }) => reload === 'restart')
    expect(atRestart.filter(({ path }) => /^(file|etcd|consul|http)\b/.test(path))).toEqual([])
  })

  it('applies are not named', async () => {
    const after = `graceTimeOut = 3\nprovidersThrottleDuration = 2\n[lifeCycle]\nrequestAcceptGraceTimeout = 1\n`
    expect(await changed(BASE, `${after}${BASE}watch = false\n`)).toEqual([])
  })

  it('does not apply are named: changed, added or removed', async () => {
    const before = 'lastGood = "a.json"\nkeepTrailingSlash = false\n[retry]\n'
    const after = 'lastGood = "b.json"\nlogLevel = "WARN"\n[retry]\n'
    expect(await changed(before + BASE, after + BASE)).toEqual(['keepTrailingSlash', 'lastGood', 'logLevel'])
  })

  it('cannot add or remove a provider, so it names the table', async () => {
    const api = '[etcd]\naliasKey = "/a"\n[etcd.api]\nurl = "http://api.test/"\n'
    expect(await changed(BASE, `${BASE}[consul]\n`)).toEqual(['consul'])
    expect(await changed(`[etcd]\n`, api)).toEqual(['etcd'])
    expect(await changed(api, `[http]\nendpoint = "http://a.test/"\n`)).toEqual(['etcd', 'http'])
  })
})

describe('tables of providers', () => {
  const ON: Readonly<Record<string, readonly string[]>> = {
    file: [BASE],
    etcd: ['[etcd]\n', '[etcd]\naliasKey = "/a"\n[etcd.api]\nurl = "http://api.test/"\n'],
    consul: ['[consul]\n'],
    http: ['[http]\nendpoint = "http://a.test/"\n'],
  }

  it('name the providers that they create', async () => {
    expect(PROVIDER_TABLES.map(({ path }) => path)).toEqual(Object.keys(ON))
    for (const { path, creates } of PROVIDER_TABLES) {
      const configs = await Promise.all((ON[path] ?? []).map(read))
      expect(configs.flatMap(({ providers }) => providers.map(({ name }) => name))).toEqual(creates)
    }
  })
})
