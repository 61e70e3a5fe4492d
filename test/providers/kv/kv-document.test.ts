import { type Issue, type ProxyError, validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../../src/base/run-steps.js'
import { documentOfKeys } from '../../../src/providers/kv/kv-document.js'

type Keys = Readonly<Record<string, string | Uint8Array>>

const WEB: Keys = {
  'backends/web/servers/one/url': 'http://127.0.0.1:9',
  'frontends/web/backend': 'web',
  'frontends/web/routes/main/rule': 'Host:a.test',
}

function read(keys: Keys) {
  const warnings: Issue[] = []
  const entries = Object.entries(keys).map(([key, value]) => ({ key, value: Buffer.from(value) }))
  const warn = (warning: Issue) => void warnings.push(warning)
  const document = runAtOnce(documentOfKeys(entries, '/traefik', warn)) as Record<string, never>
  return { document, warnings }
}

function refusal(keys: Keys): ProxyError {
  try {
    read(keys)
  } catch (error) {
    return error as ProxyError
  }
  throw new Error('it was taken')
}

/** Codes and paths of what a document that these keys make is refused for. */
function issuesOf(keys: Keys): readonly string[] {
  const checked = validateConfig(read({ ...WEB, ...keys }).document)
  return checked.ok ? [] : checked.issues.map(({ code, path }) => `${code} ${path}`)
}

describe('keys of Traefik 1.7', () => {
  it('make a document', () => {
    const { document, warnings } = read({
      ...WEB,
      version: 'v1',
      'backends/web/servers/one/weight': '10',
      'backends/web/servers/two/url': 'http://127.0.0.1:8',
      'backends/web/loadbalancer/method': 'wrr',
      'backends/web/buffering/maxrequestbodybytes': '2048',
      'backends/web/healthcheck/path': '/health',
      'backends/web/healthcheck/interval': '10s',
      'backends/web/healthcheck/port': '8081',
      'backends/web/healthcheck/headers/Port': '7',
      'frontends/web/routes/second/rule': 'PathPrefix:/a',
      'frontends/web/priority': '7',
      'frontends/web/passhostheader': 'false',
      'frontends/web/entrypoints': 'http, https',
      'frontends/web/whitelist/sourcerange': '10.0.0.0/8, 192.168.0.1',
      'frontends/web/whitelist/usexforwardedfor': 'true',
    })
    expect(document).toEqual({
      version: 'v1',
      backends: {
        web: {
          servers: {
            one: { url: 'http://127.0.0.1:9', weight: 10 },
            two: { url: 'http://127.0.0.1:8' },
          },
          loadBalancer: { method: 'wrr' },
          buffering: { maxRequestBodyBytes: 2048 },
          healthCheck: { path: '/health', interval: '10s', port: 8081, headers: { Port: '7' } },
        },
      },
      frontends: {
        web: {
          backend: 'web',
          routes: { main: { rule: 'Host:a.test' }, second: { rule: 'PathPrefix:/a' } },
          priority: 7,
          passHostHeader: false,
          entryPoints: ['http', 'https'],
          whiteList: { sourceRange: ['10.0.0.0/8', '192.168.0.1'], useXForwardedFor: true },
        },
      },
    })
    expect(warnings).toEqual([])
    expect(validateConfig(document).ok).toBe(true)
  })

  it('may spell a field in any case, and give a list item by item, in the order of its numbers', () => {
    const items = Object.fromEntries(
      Array.from({ length: 11 }, (_, at) => [`frontends/web/entryPoints/${at}`, `e${at}`]),
    )
    const { document } = read({ ...WEB, ...items, 'frontends/web/passHostHeader': 'T' })
    expect(document['frontends']).toMatchObject({
      web: { entryPoints: Array.from({ length: 11 }, (_, at) => `e${at}`), passHostHeader: true },
    })
  })

  it.each([
    ['1', true],
    ['t', true],
    ['TRUE', true],
    ['True', true],
    ['0', false],
    ['F', false],
    ['false', false],
    ['yes', 'yes'],
    ['', ''],
  ])('reads %j as Go does: %j', (text, value) => {
    const { document } = read({ ...WEB, 'frontends/web/passhostheader': text })
    expect(document['frontends']).toMatchObject({ web: { passHostHeader: value } })
  })

  it.each([
    ['a weight that is none', { 'backends/web/servers/one/weight': 'heavy' }, 'INVALID_TYPE'],
    ['a number in a spelling of programs', { 'frontends/web/priority': '0x10' }, 'INVALID_TYPE'],
    ['a flag that is none', { 'frontends/web/passhostheader': 'yes' }, 'INVALID_TYPE'],
    ['a list without an item', { 'frontends/web/entrypoints': ' , ' }, 'INVALID_TYPE'],
    ['a url that is none', { 'backends/web/servers/one/url': 'nowhere' }, 'INVALID_URL'],
    ['a reserved name', { 'frontends/__proto__/backend': 'web' }, 'INVALID_NAME'],
    ['a frontend without a rule', { 'frontends/bare/backend': 'web' }, 'MISSING_RULE'],
    ['a misspelt field', { 'frontends/web/whitelsit/sourcerange': '10.0.0.0/8' }, 'UNKNOWN_FIELD'],
    [
      'an unknown field of a guard',
      { 'frontends/web/whitelist/sourcerange': '::1', 'frontends/web/whitelist/denials': '::2' },
      'UNKNOWN_FIELD',
    ],
    ['a misspelt field of a server', { 'backends/web/servers/one/wieght': '10' }, 'UNKNOWN_FIELD'],
  ])('that hold %s are refused where it stands', (_what, keys, code) => {
    expect(issuesOf(keys as unknown as Keys)).toEqual([expect.stringContaining(code)])
  })

  it.each([
    'frontends/web/auth/basic/users',
    'frontends/web/auth/forward/tls/cert',
    'frontends/web/basicauth/0',
    'frontends/web/whitelistsourcerange',
    'frontends/web/redirect/regex',
    'frontends/web/errors/e/status/0',
    'frontends/web/ratelimit/rateset/x/period',
    'frontends/web/headers/customrequestheaders/X-A',
    'frontends/web/passtlscert',
    'frontends/web/passtlsclientcert/infos/subject/country',
    'backends/web/responseforwarding/flushinterval',
    'backends/web/buffering/retryexpression',
    'tls/one/certificate/certfile',
  ])('that are not supported yet are refused by name: %s', (key) => {
    expect(issuesOf({ [key]: 'true' })).toEqual([expect.stringContaining('NOT_SUPPORTED')])
  })

  it('that are off ask for nothing: no guard is missing', () => {
    const off = { 'frontends/web/passtlscert': 'false', 'frontends/web/headers/sslredirect': 'F' }
    const codesOf = (keys: Keys) => {
      const checked = validateConfig(read({ ...WEB, ...keys }).document, { unsupportedFields: 'warn' })
      return (checked.ok ? checked.warnings : checked.issues).map(({ path }) => `${checked.ok} ${path}`)
    }
    expect(codesOf(off)).toEqual([])
    for (const on of ['frontends/web/headers/allowedhosts', 'frontends/web/Headers/framedeny'])
      expect(codesOf({ ...off, [on]: 'true' })).toEqual(['false frontends.web.headers'])
    expect(issuesOf(off)).toEqual([])
  })

  it('both of a value and of a folder are one field, as Traefik writes them', () => {
    const both = {
      'backends/web/loadbalancer/stickiness': 'true',
      'backends/web/loadbalancer/stickiness/cookiename': 'c',
    }
    const { document, warnings } = read({ ...WEB, ...both })
    expect(document['backends']).toMatchObject({ web: { loadBalancer: { stickiness: { cookieName: 'c' } } } })
    expect(warnings).toEqual([])
    const alone = read({ ...WEB, 'backends/web/loadbalancer/stickiness': 'true' }).document
    expect(alone['backends']).toMatchObject({ web: { loadBalancer: { stickiness: {} } } })
    const off = read({ ...WEB, 'backends/web/loadbalancer/stickiness': 'false' }).document
    expect(JSON.stringify(off)).not.toContain('stickiness')
    expect(() => read({ ...WEB, 'backends/web/loadbalancer/stickiness': 'ture' })).toThrow('stickiness')
  })
})

describe('keys outside of the layout', () => {
  it.each([
    ['comment', 'by an operator', '/traefik/comment'],
    ['frontends/web/comment', 'of ours', '/traefik/frontends/web/comment'],
  ])('are left out, with a warning: %s', (key, value, path) => {
    const { document, warnings } = read({ ...WEB, [key]: value })
    expect(document).toEqual(read(WEB).document)
    expect(warnings).toEqual([
      { path, code: 'UNKNOWN_FIELD', message: 'is not a key of the layout and is ignored' },
    ])
  })

  it.each([
    'frontends',
    'frontends/web',
    'frontends/web/routes/main',
    'frontends/web/backend/0',
    'frontends/web/entrypoints/first',
    'frontends/web/whitelist',
    'frontends/web/sourcerange',
    'frontends//backend',
    'frontends/',
    'frontend/web/backend',
    'backends/web/url',
  ])('are refused where they are near to a place of it, for they may say who may come in: %s', (key) => {
    expect(refusal({ ...WEB, [key]: 'x' }).issues).toMatchObject([{ code: 'INVALID_VALUE' }])
  })

  it('are told of once for all below one place, and not without end', () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`v1/frontends/f${at}`, 'x']))
    expect(read({ ...WEB, ...many }).warnings).toEqual([
      {
        path: '/traefik/v1',
        code: 'UNKNOWN_FIELD',
        message: 'is not a key of the layout and is ignored, with 300 keys',
      },
    ])
    const places = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`place-${at}/x`, 'x']))
    const { warnings } = read({ ...WEB, ...places })
    expect(warnings).toHaveLength(21)
    expect(warnings.at(-1)).toMatchObject({
      path: '/traefik/...',
      message: expect.stringContaining('280 keys'),
    })
  })

  it('are no matter for warnings where they are Traefik’s own, or what a store makes for a folder', () => {
    const own = { alias: '/v1', leader: 'x', leader___lock: 'x', 'frontends/': '', 'frontends/web/': '' }
    expect(read({ ...WEB, ...own })).toEqual(read(WEB))
  })
})

describe('keys that cannot be read', () => {
  it('are refused with the key, for a value that is no UTF-8', () => {
    const error = refusal({ ...WEB, 'frontends/web/backend': Buffer.of(0xff, 0xfe) })
    expect(error.code).toBe('PROXY_CONFIG_UNUSABLE')
    expect(error.message).toBe('"/traefik/frontends/web/backend": the value is not valid UTF-8')
  })

  it.each([
    { 'frontends/web/passhostheader': 'true', 'frontends/web/passHostHeader': 'false' },
    { 'frontends/web/entrypoints': 'http', 'frontends/web/entrypoints/0': 'https' },
  ])('are refused for a field that stands twice: %j', (keys) => {
    expect(refusal({ ...WEB, ...keys } as unknown as Keys).issues).toMatchObject([{ code: 'DUPLICATE_NAME' }])
  })
})

it('a label in two spellings of its folder is refused', () => {
  const twice = { 'backends/web/metadata/team': 'a', 'backends/web/Metadata/team': 'b' }
  expect(refusal({ ...WEB, ...twice }).issues).toMatchObject([
    { path: 'backends.web.Metadata.team', code: 'DUPLICATE_NAME' },
  ])
})

it('a field that is not built keeps its values, for a filter and for digests', () => {
  const auth = { 'frontends/web/auth/basic/users/0': 'alice:x', 'frontends/web/auth/headerField': 'X-User' }
  expect(read({ ...WEB, ...auth }).document).toMatchObject({
    frontends: { web: { auth: { basic: { users: { 0: 'alice:x' } }, headerField: 'X-User' } } },
  })
  expect(read({ ...WEB, 'frontends/web/auth': 'false' }).document).toMatchObject({
    frontends: { web: { auth: false } },
  })
})
