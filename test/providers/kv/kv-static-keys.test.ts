import type { Issue, ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../../src/base/run-steps.js'
import { documentOfKeys } from '../../../src/providers/kv/kv-document.js'
import {
  ENTRY_POINT_NAMES,
  GUARDING_STATIC_KEYS,
  STATIC_KEYS,
  STATIC_ONLY_NAMES,
  STATIC_TOP_NAMES,
} from '../../../src/validation/static-keys/static-keys.js'

type Keys = Readonly<Record<string, string | Uint8Array>>

const WEB: Keys = {
  'backends/web/servers/one/url': 'http://127.0.0.1:9',
  'frontends/web/backend': 'web',
  'frontends/web/routes/main/rule': 'Host:a.test',
}

/** What a store with these keys beside a document comes to: warnings, or the issues that refuse it. */
function outcome(keys: Keys) {
  const warnings: Issue[] = []
  const entries = Object.entries({ ...WEB, ...keys }).map(([key, value]) => ({
    key,
    value: Buffer.from(value),
  }))
  try {
    const document = runAtOnce(documentOfKeys(entries, '/z', (warning) => void warnings.push(warning)))
    return { document, warnings, issues: [] as readonly Issue[] }
  } catch (error) {
    return { warnings, issues: (error as ProxyError).issues }
  }
}

const refusedPaths = (keys: Keys) => outcome(keys).issues.map(({ code, path }) => `${code} ${path}`)
const warnedPaths = (keys: Keys) => {
  const { document, warnings } = outcome(keys)
  expect(document).toBeDefined()
  return warnings.map(({ code, path }) => `${code} ${path}`)
}

const upper = (key: string) => key.toUpperCase()
const mixed = (key: string) =>
  key.replace(/[a-z]/g, (letter, at: number) => (at % 2 ? letter.toUpperCase() : letter))

describe('the table of what guards in a static configuration', () => {
  it('has what a traefik.toml is refused for, but for compression', () => {
    const guards = GUARDING_STATIC_KEYS.map(({ path }) => path)
    const refused = [...STATIC_KEYS.values()].filter(({ becomes }) => becomes === 'refused')
    expect(refused.map(({ path }) => path).filter((path) => !guards.includes(path))).toEqual([
      'entryPoints.*.compress',
    ])
  })

  it('stands beside all names at the top but those of documents, and all names in entry points', () => {
    const tops = ['accessLog', 'constraints', 'entryPoints', 'etcd', 'lifeCycle', 'tls', 'web', 'zookeeper']
    expect(STATIC_TOP_NAMES).toEqual(expect.arrayContaining(tops))
    for (const name of ['frontends', 'backends']) expect(STATIC_TOP_NAMES).not.toContain(name)
    expect(STATIC_ONLY_NAMES).toEqual(STATIC_TOP_NAMES.filter((name) => name !== 'tls'))
    const inEntryPoints = [
      'address',
      'mode',
      'forwardedHeaders',
      'compress',
      'tls',
      'redirect',
      'auth',
      'whiteList',
    ]
    expect(ENTRY_POINT_NAMES).toEqual([...inEntryPoints, 'whitelistSourceRange', 'proxyProtocol'])
  })
})

/** Of each guard, keys as Traefik has them, with a value that asks for it. */
const GUARDS: [key: string, path: string, value?: string][] = [
  ['entrypoints/http/auth/basic/users/0', 'entryPoints.http.auth', 'a:b'],
  ['entrypoints/http/auth/basic/usersfile', 'entryPoints.http.auth'],
  ['entrypoints/http/auth/digest/users/0', 'entryPoints.http.auth'],
  ['entrypoints/http/auth/forward/address', 'entryPoints.http.auth'],
  ['entrypoints/http/auth', 'entryPoints.http.auth', 'true'],
  ['entrypoints/http/auth', 'entryPoints.http.auth', '{"basic":{"users":["a:b"]}}'],
  ['entrypoints/http/whitelist/sourcerange/0', 'entryPoints.http.whiteList.sourceRange', '10.0.0.0/8'],
  ['entrypoints/http/whitelist/sourcerange', 'entryPoints.http.whiteList.sourceRange', '10.0.0.0/8,::1'],
  ['entrypoints/http/whitelistsourcerange/0', 'entryPoints.http.whitelistSourceRange'],
  ['entrypoints/http/whitelistsourcerange', 'entryPoints.http.whitelistSourceRange', '10.0.0.0/8'],
  ['entrypoints/http/redirect/entrypoint', 'entryPoints.http.redirect', 'https'],
  ['entrypoints/http/redirect/regex', 'entryPoints.http.redirect'],
  ['entrypoints/https/tls/certificates/0/certfile', 'entryPoints.https.tls'],
  ['entrypoints/https/tls/clientca/files/0', 'entryPoints.https.tls'],
  ['entrypoints/https/tls', 'entryPoints.https.tls', 'true'],
  ['entrypoints/http/proxyprotocol/trustedips/0', 'entryPoints.http.proxyProtocol'],
  ['entrypoints/http/forwardedheaders/trustedips/0', 'entryPoints.http.forwardedHeaders.trustedIPs'],
  ['entrypoints/a.b c/auth/basic/users/0', 'entryPoints["a.b c"].auth'],
  ['trustedproxies/0', 'trustedProxies', '10.0.0.0/8'],
  ['web/auth/basic/users/0', 'web.auth'],
  ['web/readonly', 'web.readOnly', 'true'],
  ['web/certfile', 'web.certFile'],
  ['web/keyfile', 'web.keyFile'],
  ['constraints/0', 'constraints', 'tag==x'],
  ['file/constraints/0', 'file.constraints'],
  ['etcd/constraints/0', 'etcd.constraints'],
  ['consul/constraints/0', 'consul.constraints'],
  ['etcd/filename', 'etcd.filename'],
  ['consul/filename', 'consul.filename'],
]

describe('what guards in a static configuration that stands in a store', () => {
  it('is tried here, all of it', () => {
    const tried = new Set(
      GUARDS.map(([, path]) => path.replace(/^entryPoints(\.\w+|\[[^\]]*\])/, 'entryPoints.*')),
    )
    const guards = GUARDING_STATIC_KEYS.map(({ path }) => path)
    expect(guards.filter((path) => !tried.has(path))).toEqual(['tls'])
  })

  it.each(GUARDS)('refuses the document by its name, in any case: %s', (key, path, value = 'x') => {
    for (const spelt of [key, upper(key), mixed(key), key.replace('/', '//')]) {
      const name = spelt.split('/').filter(Boolean)[1] as string
      const given = path.replace(/^entryPoints\.\w+/, `entryPoints.${name}`).replace('a.b c', name)
      expect(refusedPaths({ [spelt]: value })).toEqual([`NOT_SUPPORTED ${given}`])
    }
  })

  it('is told once for each guard, with the key, what is to be done, and no value', () => {
    const { issues } = outcome({
      'entrypoints/http/auth/basic/users/0': 'alice:hunter2',
      'entrypoints/http/auth/basic/users/1': 'bob:hunter2',
      'entrypoints/http/whitelist/sourcerange/0': '10.0.0.0/8',
    })
    expect(issues).toEqual([
      {
        path: 'entryPoints.http.auth',
        code: 'NOT_SUPPORTED',
        message:
          '/z/entrypoints/http/auth/basic/users/0 is a security setting of Traefik\'s static configuration, which is not read from a store here. "switchover convert" writes it into a traefik.toml (docs/migrating.md); then delete it in the store',
      },
      expect.objectContaining({ path: 'entryPoints.http.whiteList.sourceRange' }),
    ])
  })

  it.each([
    ['entrypoints/http/atuh/basic/users/0', 'entryPoints.http.auth'],
    ['entrypoints/http/whitelsit/sourcerange/0', 'entryPoints.http.whiteList.sourceRange'],
    ['entrypoint/http/auth/basic/users/0', 'entryPoints.http.auth'],
    ['entry-points/http/redirect/entrypoint', 'entryPoints.http.redirect'],
    ['constraint/0', 'constraints'],
    ['trusted-proxies/0', 'trustedProxies'],
  ])('refuses it misspelt too: %s', (key, path) => {
    expect(refusedPaths({ [key]: 'x' })).toEqual([`NOT_SUPPORTED ${path}`])
  })

  it.each([
    ['entrypoints/http', 'Name:http Address::80 Redirect.EntryPoint:https'],
    ['entrypoints/http', '{"address":":80","auth":{}}'],
    ['entrypoints/http/forwardedheaders', '{"trustedIPs":["10.0.0.0/8"]}'],
    ['web', '{"address":":8080","auth":{"basic":{"users":["a:b"]}}}'],
    ['consul', 'filename = "x.tmpl"'],
    ['entrypoints', '{"http":{"whitelist":{"sourceRange":["10.0.0.0/8"]}}}'],
  ])('may stand in one text, which is refused: %s = %s', (key, value) => {
    expect(outcome({ [key]: value }).issues).toMatchObject([{ code: 'NOT_SUPPORTED' }])
  })

  it.each([
    ['web/readonly', 'false'],
    ['web/readonly', ''],
    ['web/certfile', ''],
    ['etcd/filename', ''],
    ['constraints', ''],
    ['entrypoints/http/auth', ''],
    ['entrypoints/http', ''],
    ['entrypoints/http', 'true'],
  ])(
    'asks for nothing where its value is off, as what stores of Traefik are full of: %s = %j',
    (key, value) => {
      expect(warnedPaths({ [key]: value })).toEqual([`NOT_SUPPORTED /z/${key.split('/')[0]}`])
    },
  )

  it('is no folder of a user interface of a store', () => {
    expect(warnedPaths({ 'entrypoints/http/auth/': '', 'entrypoints/': '' })).toEqual([])
  })
})

describe('the rest of a static configuration in a store', () => {
  it.each(STATIC_TOP_NAMES.filter((name) => !['tls', 'constraints', 'trustedProxies'].includes(name)))(
    'is left out with one warning: %s',
    (name) => {
      for (const spelt of [name.toLowerCase(), name, name.toUpperCase()]) {
        const keys = { [spelt]: 'x', [`${spelt}/anything/0`]: 'x', [`${spelt}/other`]: 'y' }
        const { warnings } = outcome(name === 'entryPoints' ? { [`${spelt}/http/address`]: ':80' } : keys)
        const count = name === 'entryPoints' ? '' : ', with 3 keys'
        expect(warnings).toEqual([
          {
            path: `/z/${spelt}`,
            code: 'NOT_SUPPORTED',
            message: `is part of Traefik's static configuration and is ignored${count}: write it into a traefik.toml`,
          },
        ])
      }
    },
  )

  it('is no text where Traefik compresses it, as its account of ACME', () => {
    expect(warnedPaths({ 'acme/account/object': Buffer.of(0x1f, 0x8b, 8, 0, 0xff) })).toEqual([
      'NOT_SUPPORTED /z/acme',
    ])
  })

  it('stands beside keys that nobody knows', () => {
    const keys = { 'entrypoints/http/address': ':80', loglevel: 'DEBUG', comment: 'x', 'v1/a/b': 'x' }
    expect(new Set(warnedPaths(keys))).toEqual(
      new Set([
        'NOT_SUPPORTED /z/entrypoints',
        'NOT_SUPPORTED /z/loglevel',
        'UNKNOWN_FIELD /z/comment',
        'UNKNOWN_FIELD /z/v1',
      ]),
    )
  })
})
