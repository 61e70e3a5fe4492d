import { loadStaticConfig, type ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { keysAtRestart } from '../../src/static-config/keys-at-restart.js'
import { readStaticConfig } from '../../src/static-config/read-static-config.js'

const FILE = '[file]\nfilename = "rules.toml"\n'
const load = (text: string) => loadStaticConfig({ text: `${text}\n${text.includes('[file]') ? '' : FILE}` })
const refusalOf = (text: string) =>
  load(text).then(
    () => 'accepted',
    (error: ProxyError) => error.message,
  )
const point = (name: string, address: string, more = '') =>
  `[entryPoints.${name}]\naddress = "${address}"\n${more}\n`

describe('entry points', () => {
  it('listen at their addresses, on all interfaces if they name none', async () => {
    const { listen, options } = await load(
      point('http', ':8000') +
        point('local', '127.0.0.1:81') +
        point('six', '[::1]:82') +
        point('unix', 'unix:/run/a.sock', 'mode = "0660"'),
    )
    expect(listen).toEqual(['http', 'local', 'six', 'unix'])
    const trustedProxies: string[] = []
    expect(options.entryPoints).toEqual({
      http: { address: ':8000', trustedProxies },
      local: { address: '127.0.0.1:81', trustedProxies },
      six: { address: '[::1]:82', trustedProxies },
      unix: { address: 'unix:/run/a.sock', mode: 0o660, trustedProxies },
    })
  })

  it('may have any name', async () => {
    const names = ['*', 'a b', 'a.b', 'Address', 'toString']
    const { listen } = await load(names.map((name) => point(`"${name}"`, ':1')).join(''))
    expect(listen).toEqual(names)
  })

  it('are http on port 80 if there are none', async () => {
    const { listen, options } = await load('')
    expect([listen, options.entryPoints?.['http']?.address]).toEqual([['http'], ':80'])
  })

  it.each(['80', 'http://a:80', ':99999', 'a b:80', ''])(
    'with the address %j are refused',
    async (address) => {
      expect(await refusalOf(point('http', address))).toContain(
        'entryPoints.http.address: expected an address such as ":80", "127.0.0.1:80" or "unix:/run/proxy.sock", found',
      )
    },
  )

  it('without an address are refused', async () => {
    expect(await refusalOf('[entryPoints.http]')).toContain('entryPoints.http.address: expected an address')
  })
})

describe('the white list of an entry point', () => {
  const listed = (more: string) => point('http', ':80', more)

  it.each([
    ['[entryPoints.http.whiteList]\nsourceRange = ["10.0.0.0/8"]', { sourceRange: ['10.0.0.0/8'] }],
    [
      '[entryPoints.http.whiteList]\nsourceRange = ["::1"]\nuseXForwardedFor = true',
      { sourceRange: ['::1'], useXForwardedFor: true },
    ],
    ['whitelistSourceRange = ["10.0.0.0/8"]', { sourceRange: ['10.0.0.0/8'] }],
    ['[entryPoints.http.whiteList]', undefined],
  ])('is that of the option: %s', async (more, whiteList) => {
    const { options } = await load(listed(more))
    expect(options.entryPoints?.['http']?.whiteList).toEqual(whiteList)
  })

  it.each([
    [
      '[entryPoints.http.whiteList]\nsourceRange = []',
      'whiteList.sourceRange: expected at least one address',
    ],
    ['whitelistSourceRange = []', 'whitelistSourceRange: expected at least one address'],
    [
      '[entryPoints.http.whiteList]\nsourceRange = ["10.0.0.0/33"]',
      'whiteList.sourceRange[0]: "10.0.0.0/33"',
    ],
    ['[entryPoints.http.whiteList]\nuseXForwardedFor = true', 'whiteList.sourceRange: expected a list'],
    [
      '[entryPoints.http.whiteList]\nsourceRanges = ["10.0.0.0/8"]',
      'whiteList.sourceRanges: there is no key',
    ],
    ['whiteList = ["10.0.0.0/8"]', 'whiteList: expected a table'],
    [
      'whitelistSourceRange = ["::1"]\n[entryPoints.http.whiteList]\nsourceRange = ["::1"]',
      'whitelistSourceRange: expected one white list',
    ],
  ])('is refused: %s', async (more, message) => {
    expect(await refusalOf(listed(more))).toContain(`entryPoints.http.${message}`)
  })
})

describe('default entry points', () => {
  /** What frontends that name none get. */
  async function filled(text: string): Promise<unknown> {
    const { options } = await load(`${text}
[file]
[backends.b.servers.s]
url = "http://127.0.0.1:1"
[frontends.f]
backend = "b"
[frontends.f.routes.r]
rule = "Host:a"`)
    return new Promise((resolve) => {
      void options.providers?.[0]?.start({
        update: async (config) => {
          resolve(config.frontends['f']?.entryPoints)
          return { state: 'live', generation: 1 }
        },
        reject: resolve,
        unavailable: resolve,
        recovered: () => {},
      })
    })
  }

  it('are http if there is one, else all', async () => {
    expect(await filled(point('http', ':1') + point('other', ':2'))).toEqual(['http'])
    expect(await filled(point('one', ':1') + point('other', ':2'))).toBeUndefined()
    expect(await filled(point('http', ':1'))).toBeUndefined()
  })

  it('are those that are named', async () => {
    const points = point('http', ':1') + point('other', ':2')
    expect(await filled(`defaultEntryPoints = ["other"]\n${points}`)).toEqual(['other'])
    expect(await filled(`defaultEntryPoints = ["other", "http"]\n${points}`)).toBeUndefined()
  })

  it('that do not exist are refused', async () => {
    expect(await refusalOf(`defaultEntryPoints = ["htp"]\n${point('http', ':1')}`)).toBe(
      'defaultEntryPoints: there is no entry point "htp" for requests; the nearest known one is "http" [INVALID_VALUE]',
    )
  })
})

describe('the status server', () => {
  const statusOf = async (text: string) => {
    const { options, listen } = await load(text)
    const at = listen.map((one) => one)
    return [options.status?.address, at]
  }

  it.each([
    ['[web]', ':8080', ['http']],
    ['[web]\naddress = "0.0.0.0:81"', '0.0.0.0:81', ['http']],
    ['[api]', ':8080', ['http']],
    ['[ping]', ':8080', ['http']],
    ['[metrics.prometheus]', ':8080', ['http']],
    [`[api]\n${point('traefik', ':81')}${point('http', ':80')}`, ':81', ['http']],
    [`[api]\nentryPoint = "inner"\n${point('inner', ':82')}${point('http', ':80')}`, ':82', ['http']],
    ['[api]\n[ping]\n[web]\n[metrics.prometheus]', ':8080', ['http']],
    ['', undefined, ['http']],
  ])('of %j is at %s', async (text, address, at) => {
    expect(await statusOf(text)).toEqual([address, at])
  })

  it.each([
    ['[api]\nentryPoint = "iner"', 'api.entryPoint: there is no entry point "iner"'],
    [
      `[api]\nentryPoint = "a"\n${point('a', ':82')}${point('http', ':80')}[ping]`,
      'api: the status server can have only one address, found ":82" and ":8080"',
    ],
    [
      '[web]\naddress = ":1"\n[api]',
      'api: the status server can have only one address, found ":1" and ":8080"',
    ],
    ['[web]\naddress = "8080"', 'web.address: expected host:port or :port'],
    [
      `[api]\n[ping]\nentryPoint = "a"\n${point('traefik', ':1')}${point('a', ':1')}`,
      'entryPoints: expected an entry point for requests, found only those of the status server',
    ],
  ])('of %j is refused', async (text, expected) => {
    expect(await refusalOf(text)).toContain(expected)
  })
})

describe('pages of the status server on an entry point with frontends', () => {
  const FRONTEND =
    '[frontends.f]\nbackend = "b"\nentryPoints = ["n"]\n[frontends.f.routes.r]\nrule = "Host:a"\n'
  const DOCUMENT = `[file]\n[backends.b.servers.s]\nurl = "http://127.0.0.1:1"\n${FRONTEND}`
  const placesOf = async (text: string) => {
    const { options, listen } = await load(text)
    const pages = Object.entries(options.entryPoints ?? {}).map(([name, { status }]) => [name, status])
    return [listen, options.status?.address, Object.fromEntries(pages.filter(([, status]) => status))]
  }

  it.each<[string, string, unknown[]]>([
    [
      'a default one',
      `${point('http', ':80')}[ping]\nentryPoint = "http"`,
      [['http'], undefined, { http: ['ping'] }],
    ],
    ['one that no table declares', '[ping]\nentryPoint = "http"', [['http'], undefined, { http: ['ping'] }]],
    [
      'one that defaultEntryPoints names',
      `defaultEntryPoints = ["n"]\n${point('http', ':80')}${point('n', '127.0.0.1:81')}[api]\nentryPoint = "n"\n[metrics.prometheus]\nentryPoint = "n"`,
      [['http', 'n'], undefined, { n: ['api', 'metrics'] }],
    ],
    ['the only one', `${point('n', ':80')}[ping]\nentryPoint = "n"`, [['n'], undefined, { n: ['ping'] }]],
    [
      'one that a frontend in the file names',
      `${point('http', ':80')}${point('n', ':81')}[ping]\nentryPoint = "n"\n${DOCUMENT}`,
      [['http', 'n'], undefined, { n: ['ping'] }],
    ],
    [
      'one of two that are asked for',
      `${point('http', ':80')}[ping]\nentryPoint = "http"\n[api]\n[api.statistics]`,
      [['http'], ':8080', { http: ['ping'] }],
    ],
    [
      'one that nothing else uses, which becomes the status server',
      `${point('http', ':80')}${point('n', ':81')}[api]\nentryPoint = "n"`,
      [['http'], ':81', {}],
    ],
  ])('stand on %s', async (_what, text, expected) => {
    expect(await placesOf(text)).toEqual(expected)
  })

  it.each([
    [
      `${point('http', ':80')}[api]\nentryPoint = "http"`,
      'api.entryPoint: every client would see its pages, because',
    ],
    [
      `${point('http', ':80')}[metrics.prometheus]\nentryPoint = "http"`,
      'metrics.prometheus.entryPoint: every client',
    ],
    [
      `trustedProxies = ["127.0.0.1"]\n${point('http', '127.0.0.1:80')}[api]\nentryPoint = "http"`,
      'because the entry point trusts proxies, which bring clients from elsewhere; set api.token',
    ],
  ])('are refused where every client would see them: %j', async (text, expected) => {
    expect(await refusalOf(text)).toContain(expected)
    expect(
      await refusalOf(
        text
          .replace('[api]', '[api]\ntoken = "abc"')
          .replace('[metrics', '[api]\ntoken = "abc"\nentryPoint = "http"\n[metrics'),
      ),
    ).toBe('accepted')
  })

  it('need no token on a loopback address', async () => {
    expect(await refusalOf(`${point('http', '127.0.0.1:80')}[api]\nentryPoint = "http"`)).toBe('accepted')
  })

  it('do not make their entry point a default one', async () => {
    const text = `${point('one', ':1')}${point('two', ':2')}${point('n', ':81')}[ping]\nentryPoint = "n"\n${DOCUMENT}`
    const { entryPoints } = await readStaticConfig({ text })
    expect([entryPoints.names, entryPoints.defaults]).toEqual([
      ['one', 'two', 'n'],
      ['one', 'two'],
    ])
  })
})

describe('the mode of a Unix socket', () => {
  it.each([
    ['unix:/run/a.sock', '"0660"', 'accepted'],
    [
      'unix:/run/a.sock',
      '"66"',
      'entryPoints.a.mode: expected a mode of a file in octal digits, such as "660"',
    ],
    ['unix:/run/a.sock', '432', 'entryPoints.a.mode: expected a text, found number 432'],
    [':80', '"660"', 'entryPoints.a.mode: expected the path of a Unix socket beside it, found none'],
  ])('of %s: %s', async (address, mode, expected) => {
    expect(await refusalOf(point('a', address, `mode = ${mode}`))).toContain(expected)
  })
})

describe('trusted proxies', () => {
  const trusting = (ips: string) => `[entryPoints.X.forwardedHeaders]\n${ips}`
  const points = (a: string, b: string) =>
    `${point('a', ':1')}${trusting(a).replace('X', 'a')}\n${point('b', ':2')}${trusting(b).replace('X', 'b')}\n`
  const trusted = async (text: string) => (await load(text)).options.trustedProxies

  it('are those of the entry points, if these agree', async () => {
    expect(
      await trusted(points('trustedIPs = ["::1", "10.0.0.0/8"]', 'trustedIPs = ["10.0.0.0/8", "::1"]')),
    ).toEqual(['::1', '10.0.0.0/8'])
    expect(await trusted(points('insecure = true', 'insecure = true'))).toEqual(['0.0.0.0/0', '::/0'])
    expect(await trusted(points('insecure = false', 'insecure = false'))).toBeUndefined()
  })

  const own = async (text: string) => {
    const { trustedProxies, entryPoints } = (await load(text)).options
    return [trustedProxies, entryPoints]
  }
  const of = (...trustedProxies: string[]) => ({ trustedProxies })
  const at = (trusts: Record<string, object>) =>
    Object.fromEntries(
      Object.entries(trusts).map(([name, trust]) => [
        name,
        { address: name === 'a' ? ':1' : ':2', ...trust },
      ]),
    )

  it('that differ are those of each entry point', async () => {
    expect(await own(points('trustedIPs = ["::1"]', 'trustedIPs = ["::2"]'))).toEqual([
      undefined,
      at({ a: of('::1'), b: of('::2') }),
    ])
    expect(await own(points('trustedIPs = ["::1"]', ''))).toEqual([undefined, at({ a: of('::1'), b: of() })])
    expect(await own(points('insecure = true', 'insecure = false'))).toEqual([
      undefined,
      at({ a: of('0.0.0.0/0', '::/0'), b: of() }),
    ])
    expect(await own(points('trustedIPs = []', 'insecure = true\ntrustedIPs = ["::1"]'))).toEqual([
      undefined,
      at({ a: of(), b: of('0.0.0.0/0', '::/0') }),
    ])
  })

  it('of an entry point come before those of the whole proxy', async () => {
    expect(await own(`trustedProxies = ["::3", "unix"]\n${points('trustedIPs = ["::1"]', '')}`)).toEqual([
      ['::3', 'unix'],
      at({ a: of('::1'), b: of('::3', 'unix') }),
    ])
    expect(await own(`trustedProxies = ["::3"]\n${point('a', ':1')}`)).toEqual([
      ['::3'],
      at({ a: of('::3') }),
    ])
  })

  it('that are none are refused by the key that names them', async () => {
    expect(await refusalOf(points('trustedIPs = ["::1", "x"]', ''))).toContain(
      'entryPoints.a.forwardedHeaders.trustedIPs: "x" is not an address range',
    )
    expect(await refusalOf('trustedProxies = ["::ffff:10.0.0.0/8"]')).toMatch(
      /trustedProxies: .*write "10\.0\.0\.0\/8" or "::ffff:10\.0\.0\.0\/104"/,
    )
  })

  it('that have changed need no restart: a reload applies them', async () => {
    const read = (text: string) => readStaticConfig({ text: `${text}\n${FILE}` })
    const before = await read(points('trustedIPs = ["::1"]', 'insecure = false'))
    const after = await read(points('trustedIPs = ["::2"]', 'insecure = true'))
    expect(keysAtRestart(before, after)).toEqual([])
    expect(after.options.entryPoints).toEqual(at({ a: of('::2'), b: of('0.0.0.0/0', '::/0') }))
  })

  it('are not those of an entry point of the status server', async () => {
    const text = `[api]\nentryPoint = "b"\n${points('trustedIPs = ["::1"]', 'trustedIPs = ["::2"]')}`
    expect(await own(text)).toEqual([['::1'], at({ a: of('::1') })])
  })
})
