import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProxy, loadStaticConfig, type ProxyError, type StaticConfigOverrides } from 'switchover'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { forgetMade, made } from '../support/made-providers.js'

vi.mock('../../src/providers/etcd/etcd-provider.js', async (original) =>
  (await import('../support/made-providers.js')).noting('EtcdProvider', original),
)
vi.mock('../../src/providers/etcd/etcd-alias-provider.js', async (original) =>
  (await import('../support/made-providers.js')).noting('EtcdAliasProvider', original),
)
vi.mock('../../src/providers/consul/consul-provider.js', async (original) =>
  (await import('../support/made-providers.js')).noting('ConsulProvider', original),
)
vi.mock('../../src/providers/file/file-provider.js', async (original) =>
  (await import('../support/made-providers.js')).noting('FileProvider', original),
)

const STARTING_PAGE = fileURLToPath(new URL('./starting-page.traefik.toml', import.meta.url))
const FILE = '[file]\nfilename = "rules.toml"\n'

beforeEach(forgetMade)

/** Every issue in a line, or what came instead. */
async function refusalOf(text: string, overrides?: StaticConfigOverrides): Promise<string> {
  return loadStaticConfig({ text }, overrides).then(
    () => 'accepted',
    (error: ProxyError) => `${error.code} ${error.message}`,
  )
}

async function warningsOf(text: string): Promise<string[]> {
  const { warnings } = await loadStaticConfig({ text })
  return warnings.map(({ path, message }) => `${path}: ${message}`)
}

describe('the traefik.toml of the starting page', () => {
  it('refuses what is not known beside the path, such as an environment in the wrong place', async () => {
    const source = { path: 'traefik.toml', env: process.env }
    await expect(loadStaticConfig(source)).rejects.toThrow('loadStaticConfig: there is no option env')
  })

  it('is the one of the page, byte for byte', () => {
    const hash = createHash('sha256').update(readFileSync(STARTING_PAGE)).digest('hex')
    expect(hash).toBe('1ab08518168630e2c7a6bcee224533f12ab14ef660b4065bb30dd8e0b2fe9824')
  })

  it('is accepted as it stands, without a warning', async () => {
    const { options, listen, drainMs, warnings } = await loadStaticConfig(STARTING_PAGE)
    expect(warnings).toEqual([])
    expect(options.providers?.map(({ name }) => name)).toEqual(['file', 'etcd'])
    expect(options).toMatchObject({ logLevel: 'debug', status: { address: ':8080' } })
    expect([listen, options.entryPoints]).toEqual([
      ['http'],
      { http: { address: ':80', trustedProxies: [] } },
    ])
    expect(drainMs).toBe(10_000)
    expect(made).toEqual({
      FileProvider: { watch: true, filename: fileURLToPath(new URL('./rules.toml', import.meta.url)) },
      EtcdProvider: { hosts: ['http://192.168.50.57:12379'], watch: true, prefix: '/traefik/dev' },
    })
  })

  it('follows flags for its addresses', async () => {
    const flags = {
      'entryPoints.http.address': '127.0.0.1:0',
      'web.address': ':0',
      'etcd.endpoint': 'http://127.0.0.1:2379',
    }
    const { options, listen } = await loadStaticConfig({ path: STARTING_PAGE }, { flags })
    expect([listen, options.entryPoints?.['http']?.address]).toEqual([['http'], '127.0.0.1:0'])
    expect(options.status).toEqual({ address: ':0' })
    expect(made['EtcdProvider']).toMatchObject({ hosts: ['http://127.0.0.1:2379'] })
  })

  it('works with the part that it only shows as a comment', async () => {
    const text = readFileSync(STARTING_PAGE, 'utf8').replaceAll(
      /^# (\[etcd\.tls\]|insecureskipverify.*)$/gm,
      '$1',
    )
    await loadStaticConfig({ text })
    expect(made['EtcdProvider']).toMatchObject({
      hosts: ['https://192.168.50.57:12379'],
      tls: { insecureSkipVerify: true },
    })
  })
})

describe('a source', () => {
  it('is a text if it has a line break or an equals sign, else a path', async () => {
    expect((await loadStaticConfig('file.filename = "rules.toml"')).options.providers).toHaveLength(1)
    await expect(loadStaticConfig('nowhere.toml')).rejects.toThrow('nowhere.toml cannot be read: ENOENT')
    await expect(loadStaticConfig('nowhere.toml')).rejects.toMatchObject({ code: 'PROXY_CONFIG_UNUSABLE' })
  })

  it('may be YAML or JSON, by the ending of its path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'static-'))
    await writeFile(join(folder, 'traefik.yaml'), 'file:\n  filename: rules.toml\nloglevel: ERROR\n')
    await writeFile(join(folder, 'traefik.json'), '{"file":{"filename":"rules.toml"},"logLevel":"ERROR"}')
    for (const name of ['traefik.yaml', 'traefik.json'])
      expect((await loadStaticConfig(join(folder, name))).options.logLevel).toBe('error')
  })

  it('that cannot be parsed is refused with line and column', async () => {
    expect(await refusalOf('[file]\nfilename = \n')).toMatch(/^PROXY_CONFIG_UNUSABLE traefik\.toml:2:\d+: /)
  })

  it('gives relative paths its own folder, and the working folder without a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'static-'))
    await mkdir(join(folder, 'sub'))
    await writeFile(join(folder, 'sub/traefik.toml'), FILE)
    await loadStaticConfig(join(folder, 'sub/traefik.toml'))
    expect(made['FileProvider']).toEqual({ filename: join(folder, 'sub/rules.toml') })
    await loadStaticConfig(FILE)
    expect(made['FileProvider']).toEqual({ filename: join(process.cwd(), 'rules.toml') })
  })
})

describe('what comes before the file', () => {
  const text = `logLevel = "ERROR"\n${FILE}`
  const levelWith = async (overrides: StaticConfigOverrides) =>
    (await loadStaticConfig({ text }, overrides)).options.logLevel

  it('is the environment, and before that flags', async () => {
    const env = { SWITCHOVER_LOGLEVEL: 'WARN' }
    expect(await levelWith({})).toBe('error')
    expect(await levelWith({ env })).toBe('warn')
    expect(await levelWith({ env, flags: { LOGLEVEL: 'DEBUG' } })).toBe('debug')
  })

  it('is not the environment unless that is given', async () => {
    vi.stubEnv('SWITCHOVER_LOGLEVEL', 'DEBUG')
    expect(await levelWith({})).toBe('error')
    vi.unstubAllEnvs()
  })

  it('switches tables on and off', async () => {
    const { options } = await loadStaticConfig({ text: '' }, { flags: { etcd: 'true', web: 'true' } })
    expect(options.providers?.map(({ name }) => name)).toEqual(['etcd'])
    expect(options.status).toEqual({ address: ':8080' })
    expect(made['EtcdProvider']).toEqual({ hosts: ['http://127.0.0.1:2379'] })
    const off = await loadStaticConfig({ text: `${FILE}[etcd]\nprefix = "/a"` }, { flags: { etcd: 'false' } })
    expect(off.options.providers?.map(({ name }) => name)).toEqual(['file'])
    expect(await refusalOf(FILE, { flags: { web: 'perhaps' } })).toContain('--web: expected a table, found')
  })

  it('without the table that it stands in is told where it stands', async () => {
    const env = { SWITCHOVER_REQUESTACCEPTGRACETIMEOUT: '3s' }
    const text = await refusalOf(`${FILE}\nrequestAcceptGraceTimeout = "3s"`, {
      flags: { requestAcceptGraceTimeout: '3s' },
      env,
    })
    expect(text.split('\n')).toEqual([
      expect.stringContaining('; the nearest known one is "lifeCycle.requestAcceptGraceTimeout"'),
      expect.stringContaining('; the nearest known one is "SWITCHOVER_LIFECYCLE_REQUESTACCEPTGRACETIMEOUT"'),
      expect.stringContaining('; the nearest known one is "--lifeCycle.requestAcceptGraceTimeout"'),
    ])
    // Several keys end so: none is meant more than another.
    expect(await refusalOf(FILE, { flags: { aliasKey: '/a' } })).toMatch(
      /--aliasKey: this flag is unknown \[/,
    )
  })

  it('is named in issues as it was written', async () => {
    const flags = { 'etcd.prefx': 'x', 'retry.attempts': 'many' }
    const env = { SWITCHOVER_ETCD_PREFX: 'x', SWITCHOVER_ETCD_WATCH: 'maybe', OTHER: '1' }
    expect(await refusalOf(FILE, { flags, env })).toBe(
      `PROXY_CONFIG_INVALID ${[
        'SWITCHOVER_ETCD_PREFX: this environment variable is unknown; the nearest known one is "SWITCHOVER_ETCD_PREFIX" [UNKNOWN_FIELD]',
        'SWITCHOVER_ETCD_WATCH: expected true or false, found string "maybe" [INVALID_VALUE]',
        '--etcd.prefx: this flag is unknown; the nearest known one is "--etcd.prefix" [UNKNOWN_FIELD]',
        '--retry.attempts: expected a whole number, 0 or more, found string "many" [INVALID_VALUE]',
      ].join('\n')}`,
    )
  })

  it('is never answered with the key that trusts everybody, unless that is near', async () => {
    const variable = (part: string) => refusalOf(FILE, { env: { [`SWITCHOVER_${part}`]: '10.0.0.1' } })
    const flag = (part: string) => refusalOf(FILE, { flags: { [part]: '10.0.0.1' } })
    const trusted = '"SWITCHOVER_ENTRYPOINTS_*_FORWARDEDHEADERS_TRUSTEDIPS"'
    for (const end of ['TRUSTEDIP', 'TRUSTEDIPSS', 'TRUSTED', 'TRUSTED_IPS', 'TRUSTEDIPs', 'TRUSTED_PROXIES'])
      for (const name of ['A', 'PUBLIC', 'A_RATHER_LONG_NAME'])
        expect(await variable(`ENTRYPOINTS_${name}_FORWARDEDHEADERS_${end}`)).toContain(trusted)
    expect(await variable('ENTRYPOINT_A_FORWARDEDHEADERS_TRUSTEDIPS')).toContain(trusted)
    expect(await variable('ENTRYPOINTS_A_FORWARDEDHEADER_TRUSTEDIPS')).toContain(trusted)
    for (const end of ['IPS', 'TRUST', 'PROXIES']) {
      expect(await variable(`ENTRYPOINTS_A_FORWARDEDHEADERS_${end}`)).not.toContain('INSECURE')
      const key = `forwardedHeaders.${end.toLowerCase()}`
      expect(await flag(`entryPoints.a.${key}`)).not.toContain('insecure')
      const words = { entryPoints: `Name:a ${key}:x` }
      expect(await refusalOf(FILE, { flags: words })).not.toContain('insecure')
    }
    expect(await variable('ENTRYPOINTS_A_FORWARDEDHEADERS_INSECUR')).toContain('FORWARDEDHEADERS_INSECURE"')
    expect(await flag('entryPoints.a.forwardedHeaders.insecur')).toContain('forwardedHeaders.insecure"')
    expect(await flag('insecureSkipVerfy')).toContain('"--insecureSkipVerify"')
  })

  it("is Consul's own variable for its token, if Consul is asked at all", async () => {
    const env = { CONSUL_HTTP_TOKEN: 'secret' }
    await loadStaticConfig('[consul]\n', { env })
    expect(made['ConsulProvider']).toEqual({ token: 'secret' })
    expect((await loadStaticConfig(FILE, { env })).options.providers).toHaveLength(1)
  })

  it("takes Traefik 1.7's one text for an entry point", async () => {
    const entryPoints =
      'Name:http Address::8000 ForwardedHeaders.TrustedIPs:10.0.0.1 Name:other Address:[::1]:9'
    const flags = { entryPoints }
    const given = await loadStaticConfig(`${FILE}defaultEntryPoints = ["http"]`.replace(FILE, ''), {
      flags: {
        ...flags,
        'file.filename': 'rules.toml',
        'entryPoints.other.forwardedHeaders.trustedIPs': '10.0.0.1',
      },
    })
    const trustedProxies = ['10.0.0.1']
    expect(given.listen).toEqual(['http', 'other'])
    expect(given.options.entryPoints).toEqual({
      http: { address: ':8000', trustedProxies },
      other: { address: '[::1]:9', trustedProxies },
    })
    expect(given.options.trustedProxies).toEqual(['10.0.0.1'])
    const env = {
      SWITCHOVER_ENTRYPOINTS: 'Name:http Address::8001',
      SWITCHOVER_ENTRYPOINTS_MY_OWN_ADDRESS: ':8002',
    }
    expect((await loadStaticConfig(FILE, { env })).options.entryPoints).toMatchObject({
      http: { address: ':8001' },
      'my-own': { address: ':8002' },
    })
    expect(await refusalOf(FILE, { flags: { entryPoints: 'Address::80' } })).toContain(
      '--entryPoints: expected "Name:http Address::80", found a word before the first "Name:"',
    )
    expect(await refusalOf(FILE, { flags: { entryPoints: 'Name:a Addres::80' } })).toContain(
      'an entry point has no key "Addres"; the nearest known one is "address"',
    )
    expect(await refusalOf(FILE, { flags: { entryPoints: 'Name:a Address::80 TLS' } })).toContain(
      'entryPoints.a.tls of Traefik is not supported yet',
    )
  })
})

describe('issues', () => {
  it('are all told at once', async () => {
    expect(
      await refusalOf('loglevl = "x"\n[fille]\n[etcd]\nusername = 3\n[web.auth.basic]\nusers = ["a:b"]'),
    ).toBe(
      `PROXY_CONFIG_INVALID ${[
        'loglevl: there is no key "loglevl" here; the nearest known one is "logLevel" [UNKNOWN_FIELD]',
        'fille: there is no key "fille" here; the nearest known one is "file" [UNKNOWN_FIELD]',
        'etcd.username: expected a text, found number 3 [INVALID_VALUE]',
        'web.auth: this key of Traefik is not supported yet, and it guards: save its users, set web.token or let a proxy in front of web.address ask, then remove it [NOT_SUPPORTED]',
      ].join('\n')}`,
    )
  })

  it('name what they speak of once', async () => {
    const refusal = await refusalOf('[etcd]\npassword = "x"')
    expect(refusal).toContain('etcd: auth.username: expected the name of an etcd user')
    expect(refusal).not.toContain('etcd: etcd:')
  })

  it.each([
    [
      '',
      /^PROXY_CONFIG_INVALID \(document\): expected a provider: one of \[file\], \[etcd\], \[consul\], \[http\]/,
    ],
    ['[file]\n', /file: expected filename or directory, or frontends and backends here \[MISSING_FIELD\]/],
    ['[file]\nfilename = "a"\ndirectory = "b"', /file: FileProvider: expected one of filename and directory/],
    ['[file]\nfilename = ""', /file\.filename: expected a path, found string ""/],
    ['[etcd.api]\nurl = "http://a"', /etcd\.aliasKey: expected the alias key, such as/],
    [
      '[etcd]\naliasKey = "/a"\n[etcd.api]\ntimeout = "1s"',
      /etcd\.api\.url: expected the URL of the config API/,
    ],
    ['[etcd]\naliasKey = "/a"\n[etcd.api]\nurl = "nowhere"', /etcd: ApiConfigFetcher: the url/],
    ['[http]\n', /http\.endpoint: expected the URL of the document/],
    ['[http]\nendpoint = "http://a b"', /http: HttpProvider: the url/],
    [
      '[http]\nendpoint = "http://a"\npollInterval = "soon"',
      /pollInterval: expected a duration of at most 596 hours such as "10s"; a bare/,
    ],
    ['[consul]\nendpoint = "a:1,b:2"', /consul\.endpoint: expected one endpoint, found several/],
    ['etcd = true', /etcd: expected a table, found a boolean/],
    ['[etcd]\nWatch = true\nwatch = false', /etcd\.watch: is given twice, in upper and lower case/],
    [`logLevel = "LOUD"\n${FILE}`, /logLevel: expected one of DEBUG, INFO, WARN, .*, found "LOUD"/],
    [`${FILE}[traefikLog]\nformat = "xml"`, /traefikLog\.format: expected "common" or "json", found "xml"/],
    [`${FILE}[accessLog]\nformat = "xml"`, /accessLog\.format: expected "common" or "json", found "xml"/],
    [
      `${FILE}[accessLog.filters]\nstatusCodes = ["4xx"]`,
      /statusCodes: expected statuses and ranges.*found "4xx"/,
    ],
    [`${FILE}[accessLog.filters]\nstatusCodes = []`, /statusCodes: expected statuses and ranges.*found none/],
    [
      `${FILE}[accessLog]\nformat = "json"\n[accessLog.fields.headers.names]\nA = "hide"`,
      /accessLog\.fields\.headers: A: expected "keep", "redact" or "drop", found "hide"/,
    ],
    [`trustedProxies = ["10.0.0"]\n${FILE}`, /trustedProxies: .*\[INVALID_RANGE\]/],
    [`rootCAs = ["-----BEGIN nothing"]\n${FILE}`, /rootCAs: expected PEM texts/],
    [`[web]\nmetrics = 3\n${FILE}`, /web\.metrics: expected a table/],
    [
      `${FILE}[web.metrics.prometheus]\nbuckets = [2, 1]`,
      /web\.metrics\.prometheus\.buckets: expected at least one bound, in seconds above 0/,
    ],
  ])('of %j', async (text, expected) => {
    expect(await refusalOf(text)).toMatch(expected)
  })

  it('never show a password', async () => {
    const text =
      '[etcd]\nusername = 1\npassword = "hunter2"\n[etcd.api]\nheaders = "hunter2"\n[consul]\ntoken = ["hunter2"]'
    const refusal = await refusalOf(text, { env: { SWITCHOVER_ETCD_PASWORD: 'hunter2' } })
    expect(refusal).toContain('etcd.api.headers: expected a table')
    expect(refusal).toContain('consul.token: expected a text, found a list')
    expect(refusal).not.toContain('hunter2')
    expect(await refusalOf('[http]\nendpoint = "http://user:hunter2@a b"')).toContain(
      'found string "http://***@a b"',
    )
  })

  it('harm nobody by names that lead to a prototype', async () => {
    const text = `${FILE}[entryPoints.constructor]\naddress = ":1"\n[entryPoints.__proto__]\naddress = ":2"\n[http.headers]\n__proto__ = "x"\n[http]\nendpoint="http://a"`
    const loaded = await loadStaticConfig({ text })
    expect(loaded.listen.filter((name) => name !== '__proto__')).toEqual(['constructor'])
    const bare = {} as Record<string, unknown>
    expect([bare['x'], bare['address'], bare['trustedProxies']]).toEqual([undefined, undefined, undefined])
  })
})

describe('warnings', () => {
  it.each([
    ['[etcd]\nuseAPIV3 = false', 'etcd.useAPIV3: is ignored: the proxy always uses version 3 of the API'],
    [
      `allowMinWeightZero = false\n${FILE}`,
      'allowMinWeightZero: a server of weight 0 gets no new requests here',
    ],
    [`${FILE}[frontends.a]\nbackend = "b"`, 'frontends: is ignored: [file] names another place'],
    ['[frontends.a]\nbackend = "b"\n[etcd]', 'frontends: is ignored: [file] is not switched on'],
    [
      '[etcd]\nwatch = false\nprefix = "/a"\n[etcd.api]\nurl = "http://a"',
      'etcd.watch: is ignored: the alias key is always watched',
    ],
    [
      '[etcd]\nfollowTarget = true\nprefix = "/a"\n[etcd.api]\nurl = "http://a"',
      'etcd.followTarget: is ignored: documents come from [etcd.api]',
    ],
    [
      `${FILE}[accessLog.fields.headers]\ndefaultMode = "keep"`,
      'accessLog.fields.headers: is ignored: the common format has no headers; choose "json"',
    ],
    [`${FILE}[docker]\nendpoint = "unix:///x"`, 'docker: this key of Traefik is not supported yet: ignored'],
  ])('of %j', async (text, expected) => {
    expect(await warningsOf(text)).toEqual([expected])
  })

  it('are not made of what is as in Traefik', async () => {
    const text = `checkNewVersion = true\nsendAnonymousUsage = true\nallowMinWeightZero = true\n[etcd]\nuseAPIV3 = true`
    expect(await warningsOf(text)).toEqual([])
  })
})

describe('providers', () => {
  it('follow the alias of a cluster with the config API', async () => {
    const text = `[etcd]
endpoint = "a:1,b:2"
prefix = "traefik/dev/"
username = "u"
password = "p"
[etcd.api]
url = "http://config.test/"
headers = { Authorization = "Bearer x" }`
    const { options } = await loadStaticConfig({ text })
    expect(options.providers?.map(({ name }) => name)).toEqual(['etcd-alias'])
    expect(made).toMatchObject({
      EtcdAliasProvider: {
        hosts: ['http://a:1', 'http://b:2'],
        auth: { username: 'u', password: 'p' },
        aliasKey: '/traefik/dev/alias',
      },
    })
  })

  it('may have their document in the static configuration', async () => {
    const text = `${'logLevel = "OFF"\n[file]'}
[Backends.web.servers.one]
URL = "http://127.0.0.1:1"
[frontends.web]
backend = "web"
[frontends.web.routes.main]
rule = "Host:a.test"`
    const { options } = await loadStaticConfig({ text })
    const proxy = createProxy(options)
    await proxy.ready({ timeoutMs: 30_000 })
    const { winner } = proxy.explain({ host: 'a.test', path: '/', clientAddress: '::1', entryPoint: 'http' })
    expect(winner?.frontend).toBe('web@file')
    await proxy.close()
  })

  it('are throttled if that is given', async () => {
    const providers = async (text: string) => (await loadStaticConfig({ text })).options.providers
    expect((await providers('providersThrottleDuration = "2s"\n[etcd]'))?.[0]?.throttleMs).toBe(2_000)
    expect((await providers('[etcd]'))?.[0]?.throttleMs).toBe(0)
  })
})

describe('what is left', () => {
  it.each([
    ['lifeCycle.graceTimeOut = "5s"', 5_000],
    ['graceTimeOut = 3', 3_000],
    ['lifeCycle.graceTimeOut = "0s"', 0],
    ['', 10_000],
  ])('%j drains for %d ms', async (text, drainMs) => {
    expect((await loadStaticConfig({ text: `${text}\n${FILE}` })).drainMs).toBe(drainMs)
  })

  it.each([
    ['lifeCycle.requestAcceptGraceTimeout = "5s"', 5_000],
    ['[lifeCycle]\nrequestAcceptGraceTimeout = 3', 3_000],
    ['[lifeCycle]\nREQUESTACCEPTGRACETIMEOUT = "1m"', 60_000],
    ['lifeCycle.requestAcceptGraceTimeout = "0s"', 0],
    ['', 0],
  ])('%j accepts for %d ms', async (text, acceptMs) => {
    const config = await loadStaticConfig({ text: `${text}\n${FILE}` })
    expect([config.acceptMs, config.warnings]).toEqual([acceptMs, []])
  })

  it('a flag comes before a variable, and that before the file, for the time to accept', async () => {
    const text = `${FILE}[lifeCycle]\nrequestAcceptGraceTimeout = "30s"\n`
    const env = { SWITCHOVER_LIFECYCLE_REQUESTACCEPTGRACETIMEOUT: '2s' }
    const flags = { 'lifeCycle.requestAcceptGraceTimeout': '1s' }
    expect((await loadStaticConfig({ text }, { env })).acceptMs).toBe(2_000)
    expect((await loadStaticConfig({ text }, { env, flags })).acceptMs).toBe(1_000)
  })

  it.each(['"soon"', '"-1s"', '-1', 'true', '[]', '{}'])(
    'refuses %s for the time to accept',
    async (value) => {
      const text = `${FILE}[lifeCycle]\nrequestAcceptGraceTimeout = ${value}\n`
      await expect(loadStaticConfig({ text })).rejects.toMatchObject({
        code: 'PROXY_CONFIG_INVALID',
        issues: [{ path: 'lifeCycle.requestAcceptGraceTimeout', code: 'INVALID_VALUE' }],
      })
    },
  )

  it.each([
    ['debug = true', 'debug'],
    ['logLevel = "FATAL"', 'error'],
    ['logLevel = "panic"', 'error'],
    ['', 'info'],
  ])('%j logs from %s on', async (text, level) => {
    expect((await loadStaticConfig({ text: `${text}\n${FILE}` })).options.logLevel).toBe(level)
  })

  it('is no retry option if Traefik would take its default', async () => {
    expect((await loadStaticConfig(`${FILE}[retry]`)).options.retry).toBeUndefined()
  })

  it('writes the access log to the standard output without a path', async () => {
    const { options } = await loadStaticConfig(`${FILE}[accessLog]`)
    expect(options.accessLog).toEqual({ stream: process.stdout, format: 'common' })
  })

  it('writes the application log to a file, which is opened anew on demand', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'static-'))
    const file = join(folder, 'logs/traefik.log')
    const flags = { 'traefikLog.filePath': file, 'traefikLog.format': 'json' }
    const { options } = await loadStaticConfig({ text: FILE }, { flags })
    options.logger?.info({ provider: 'file' }, 'it serves')
    await options.logger?.reopen?.()
    const { time, ...rest } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    expect(rest).toEqual({ level: 'info', msg: 'it serves', provider: 'file' })
    expect(Number.isNaN(Date.parse(String(time)))).toBe(false)
    await rename(file, `${file}.1`)
    await options.logger?.reopen?.()
    options.logger?.warn({}, 'and goes on')
    await options.logger?.reopen?.()
    expect(await readFile(file, 'utf8')).toContain('"msg":"and goes on"')
  })

  it('looks at a document that stands in it, and names keys as they are written', async () => {
    const bad = loadStaticConfig(
      '[file]\n[web]\naddress = "nonsense"\n[frontends.a]\nbackend = "nobody"\nrule = "Hst:x"',
    )
    await expect(bad).rejects.toMatchObject({
      issues: expect.arrayContaining([
        expect.objectContaining({ path: 'web.address' }),
        expect.objectContaining({ path: 'frontends.a.rule', code: 'INVALID_RULE' }),
        expect.objectContaining({ path: 'frontends.a.backend', code: 'MISSING_BACKEND' }),
      ]),
    })
    const odd =
      '[file]\n[frontends.a]\nbackend = "b"\nrule = "Host:x"\nauth = { basic = { users = ["a:b"] } }\n[backends.b.servers.s]\nurl = "http://h"'
    await expect(loadStaticConfig(odd)).rejects.toMatchObject({ issues: [{ code: 'NOT_SUPPORTED' }] })
    await expect(loadStaticConfig(`unsupportedFields = "warn"\n${odd}`)).rejects.toMatchObject({
      issues: [
        { code: 'NOT_SUPPORTED', message: expect.stringContaining('names its path, "frontends.a.auth"') },
      ],
    })
    const named = `[unsupportedFields]\nwarn = ["frontends.*.auth"]\n${odd}`
    await expect(loadStaticConfig(named)).resolves.toMatchObject({
      options: { unsupportedFields: { warn: ['frontends.*.auth'] } },
    })
    const flags = { 'unsupportedFields.warn': 'frontends.*.auth' }
    await expect(loadStaticConfig(`unsupportedFields = "warn"\n${odd}`, { flags })).resolves.toBeDefined()
    const refuse = { flags: { unsupportedFields: 'refuse' } }
    await expect(loadStaticConfig(named, refuse)).rejects.toMatchObject({
      issues: [{ code: 'NOT_SUPPORTED' }],
    })
  })
})
