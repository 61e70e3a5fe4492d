import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { commandFlags } from '../../src/command-line/command-flags.js'
import { loadStaticConfig } from '../../src/static-config/load-static-config.js'
import { captured } from '../support/captured-command.js'
import { CommandChild } from '../support/command-child.js'
import { folderWith, rules } from '../support/documents.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'

let blue: NamedServer
const children: CommandChild[] = []

beforeAll(async () => {
  blue = await NamedServer.start('blue')
})
afterAll(() => blue.close())
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

function run(
  words: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): CommandChild {
  const child = new CommandChild(words, options)
  children.push(child)
  return child
}

const FILE = '[file]\nfilename = "rules.toml"\n'
const entryPoint = (name: string) => `[entryPoints.${name}]\naddress = "127.0.0.1:0"\n`
const statusOf = async (port: number) => (await httpGet({ port, path: '/' })).status
/** What a static configuration is refused with. */
const refusal = (text: string, overrides: Parameters<typeof loadStaticConfig>[1] = {}) =>
  loadStaticConfig({ text }, overrides).then(
    () => 'accepted',
    (error: Error) => error.message,
  )

describe('a reload', () => {
  it('that adds an entry point listens there, and makes it the default one that `http` is', async () => {
    const cwd = await folderWith({ 'traefik.toml': FILE + entryPoint('a'), 'rules.toml': rules(blue.url) })
    const child = run([], { cwd })
    const port = await child.port('a')
    await child.sees(/^ready$/m)
    expect(await statusOf(port)).toBe(200)
    await writeFile(join(cwd, 'traefik.toml'), FILE + entryPoint('a') + entryPoint('http'))
    child.signal('SIGHUP')
    const added = await child.port('http')
    await child.sees(/generation 2 serves/)
    expect([await statusOf(port), await statusOf(added)]).toEqual([404, 200])
  })

  it('that makes an entry point the default one moves the frontends there, also to a new one', async () => {
    const [a, b, c] = [entryPoint('a'), entryPoint('b'), entryPoint('c')]
    const cwd = await folderWith({ 'traefik.toml': FILE + a + b, 'rules.toml': rules(blue.url) })
    const child = run([], { cwd })
    const [portA, portB] = [await child.port('a'), await child.port('b')]
    await child.sees(/^ready$/m)
    await writeFile(join(cwd, 'traefik.toml'), `defaultEntryPoints = ["b"]\n${FILE}${a}${b}`)
    child.signal('SIGHUP')
    await child.sees(/generation 2 serves/)
    expect([await statusOf(portA), await statusOf(portB)]).toEqual([404, 200])
    await writeFile(join(cwd, 'traefik.toml'), `defaultEntryPoints = ["c"]\n${FILE}${a}${b}${c}`)
    child.signal('SIGHUP')
    const portC = await child.port('c')
    await child.sees(/generation 3 serves/)
    expect([await statusOf(portA), await statusOf(portB), await statusOf(portC)]).toEqual([404, 404, 200])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'is no question while the configuration is read, and %s ends that',
    async (signal) => {
      const cwd = await folderWith({})
      execFileSync('mkfifo', [join(cwd, 'traefik.toml')])
      const child = run([], { cwd })
      const pipe = await open(join(cwd, 'traefik.toml'), 'w')
      child.signal('SIGUSR1')
      child.signal(signal)
      expect(await child.ended()).toBe(signal)
      await pipe.close()
    },
  )

  it('while the configuration is still being read does not end the process', async () => {
    const cwd = await folderWith({ 'rules.toml': rules(blue.url) })
    execFileSync('mkfifo', [join(cwd, 'traefik.toml')])
    const child = run([], { cwd })
    // Opens when somebody reads it.
    const pipe = await open(join(cwd, 'traefik.toml'), 'w')
    child.signal('SIGHUP')
    await pipe.write(FILE + entryPoint('http')).catch(() => {})
    await pipe.close()
    await child.sees(/^http listens/m, 'stdout')
  })
})

describe('a full disk under a standard stream', () => {
  const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))
  it.each(['stdout', 'stderr'])('of %s ends no proxy', async (full) => {
    const cwd = await folderWith({ 'traefik.toml': FILE + entryPoint('http'), 'rules.toml': rules(blue.url) })
    const fd = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
      stdio: ['ignore', full === 'stdout' ? fd : 'pipe', full === 'stderr' ? fd : 'pipe'],
    })
    closeSync(fd)
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said += chunk
      })
    const ended = once(child, 'exit')
    await eventually(() => child.exitCode !== null || /^ready$|^http listens/m.test(said), 'it runs')
    child.kill('SIGTERM')
    expect([await ended, said]).toEqual([[0, null], expect.not.stringContaining('ENOSPC')])
  })
})

describe('no message shows', () => {
  it('the token of the status server', async () => {
    for (const token of ['hunter2 of-mine', 'hunter2é'])
      expect(await refusal(FILE, { flags: { 'web.token': token } })).not.toContain('hunter2')
  })

  it('a private key that stands there without its first line', async () => {
    const text = '[etcd]\n[etcd.tls]\nkey = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"\n'
    expect(await refusal(text)).not.toContain('MIIEvQIBADANBgkqhkiG9w0BAQEFAASC')
  })

  it('a text that is no path, but a path that leads nowhere is named', async () => {
    const key = (text: string) => refusal(`[etcd]\n[etcd.tls]\nkey = ${JSON.stringify(text)}\n`)
    expect(await key('nowhere/key.pem')).toMatch(
      /etcd\.tls\.key: cannot be read: ENOENT: no such file or directory \(.*nowhere\/key\.pem\)/,
    )
    for (const secret of ['MIIE/hunter2', 'hunter2.\nx', `hunter2.${'x'.repeat(300)}`, 'a\0hunter2'])
      expect(await key(secret)).not.toContain('hunter2')
  })

  it('a password behind an option that a command does not know', async () => {
    for (const words of [['--etcd.password=hunter2'], ['--etcd.password', 'hunter2']]) {
      const { exitCode, stderr } = await captured(['check', ...words])
      expect([exitCode, stderr]).toEqual([2, "error: unknown option '--etcd.password'\n"])
    }
  })

  it('a password that looks like an option of ours', async () => {
    const { stderr } = await captured([
      '--file.filename=x',
      '--etcd.password',
      '-chunter2',
      '--etcd.prefx=/a',
    ])
    expect(stderr).toMatch(/^--etcd\.prefx: this flag is unknown/)
    expect(stderr).not.toContain('hunter2')
  })

  it('a document that is nothing but a text', async () => {
    const folder = await folderWith({ 'a.json': '"hunter2"' })
    const path = join(folder, 'a.json')
    for (const words of [
      ['check', path],
      ['convert', path],
      ['-c', path],
      ['explain', path],
    ]) {
      const more = words[0] === 'explain' ? ['--host', 'a', '--path', '/', '--client-ip', '::1'] : []
      const { stdout, stderr } = await captured([...words, ...more])
      expect(stdout + stderr).toContain('found a')
      expect(stdout + stderr).not.toContain('hunter2')
    }
  })

  it.each([
    ['a.yaml', 'a: 1\nb: *hunter2\n', '2:4'],
    ['a.yaml', 'a: !hunter2 x\n', '1:4'],
    ['a.yaml', 'a: |hunter2\n x', '1:5'],
    ['a.yaml', '%HUNTER2 hunter2\n---\na: 1', '1:1'],
    ['a.json', '{"a":\n hunter2}', '2:2'],
  ])('what an error of a parser quotes, but its place: %s %j', async (name, text, place) => {
    const path = join(await folderWith({ [name]: text }), name)
    const { stderr } = await captured(['-c', path])
    expect(stderr).toContain(`${path}:${place}: `)
    expect(stderr).not.toMatch(/hunter2/i)
  })

  it('a password, if its flag is misspelt', async () => {
    const { exitCode, stderr } = await captured(['--etcd.pasword', 'hunter2'])
    expect(exitCode).not.toBe(0)
    expect(stderr).not.toContain('hunter2')
  })

  it('a password that begins with a dash', async () => {
    const { stderr } = await captured(['--file.filename=x', '--etcd.password', '-hunter2', '--etcd.prefx=/a'])
    expect(stderr).not.toContain('hunter2')
  })

  it.each([
    ['traefik.json', '{"etcd":{"password": hunter2}}'],
    ['traefik.yaml', 'etcd:\n  password: *hunter2\n'],
    ['traefik.yaml', 'etcd:\n  password: !hunter2 x\n'],
  ])('a password of a %s that cannot be parsed: %s', async (name, text) => {
    const path = join(await folderWith({ [name]: text }), name)
    const [checked, ran] = [await captured(['check', path]), await captured([`--configFile=${path}`])]
    expect([checked.exitCode, ran.exitCode]).toEqual([1, 1])
    expect(checked.stdout + ran.stderr).not.toContain('hunter2')
  })

  it('the hash of a digest user, which is as good as the password', async () => {
    const hash = 'a2688e031edb4be6a3797f3882655c05'
    const flags = { entryPoints: `Auth.Digest.Users:test:traefik:${hash} Name:http Address::80` }
    expect(await refusal(FILE, { flags })).not.toContain(hash)
  })

  it('what a rule expects of a secret header, in explain --json, if there is a quote in it', async () => {
    const rule = `Host:a.test;Headers:Authorization,hun"ter2`
    const document = {
      backends: { web: { servers: { one: { url: 'http://a' } } } },
      frontends: { web: { backend: 'web', rule } },
    }
    const path = join(await folderWith({ 'rules.json': JSON.stringify(document) }), 'rules.json')
    const asked = ['--host', 'a.test', '--path', '/', '--client-ip', '::1', '--json']
    const { stdout } = await captured(['explain', path, ...asked])
    expect(stdout).toContain('"refused"')
    expect(stdout).not.toContain('ter2')
  })
})

describe('no answer of explain shows', () => {
  it('the rest of a secret that begins as another one does', async () => {
    const frontend = (secret: string) => ({ backend: 'web', rule: `Headers:Authorization,${secret}` })
    const document = {
      backends: { web: { servers: { one: { url: 'http://a' } } } },
      frontends: { short: { ...frontend('abc'), priority: 1_000 }, long: frontend('abcdef99') },
    }
    const path = join(await folderWith({ 'rules.json': JSON.stringify(document) }), 'rules.json')
    const { stdout } = await captured(['explain', path, '--host', 'a', '--path', '/', '--client-ip', '::1'])
    expect(stdout).toContain('long@file does not match')
    expect(stdout).not.toContain('def99')
  })
})

describe('flags come before the environment, and that before the file', () => {
  it('--graceTimeOut before lifeCycle.graceTimeOut of the file', async () => {
    const text = `${FILE}[lifeCycle]\ngraceTimeOut = "30s"\n`
    expect((await loadStaticConfig({ text }, { flags: { graceTimeOut: '1s' } })).drainMs).toBe(1_000)
    expect((await loadStaticConfig({ text }, { env: { SWITCHOVER_GRACETIMEOUT: '1s' } })).drainMs).toBe(1_000)
  })

  it('--idleTimeout before both that the file has', async () => {
    const text = `idleTimeout = "10s"\n${FILE}[respondingTimeouts]\nidleTimeout = "20s"\n`
    const { options } = await loadStaticConfig({ text }, { flags: { idleTimeout: '30s' } })
    expect(options.timeouts?.keepAliveMs).toBe(30_000)
  })

  it('--accessLogsFile, --traefikLogsFile and --web.token before names of today', async () => {
    const log = '[accessLog]\nfilePath = "/a"\n[traefikLog]\nfilePath = "/a"\n'
    const text = `${FILE}${log}[api]\ntoken = "a"\n`
    const flags = { accessLogsFile: '/b', traefikLogsFile: '/b', 'web.token': 'b', web: 'true' }
    const { options } = await loadStaticConfig({ text }, { flags })
    expect([options.accessLog?.file, options.status?.token]).toEqual(['/b', 'b'])
    expect(options.logger).toMatchObject({ reopen: expect.any(Function) })
    const env = { SWITCHOVER_ACCESSLOG_FILEPATH: '/c', SWITCHOVER_API_TOKEN: 'c' }
    const both = (await loadStaticConfig({ text }, { flags, env })).options
    expect([both.accessLog?.file, both.status?.token]).toEqual(['/b', 'b'])
  })

  it('what one of them switches off is off, whatever it says of it', async () => {
    const etcd = { text: `${FILE}[etcd]\n` }
    const names = async (overrides: Parameters<typeof loadStaticConfig>[1]) =>
      (await loadStaticConfig(etcd, overrides)).options.providers?.map(({ name }) => name)
    expect(await names({ env: { SWITCHOVER_ETCD_PREFIX: '/a', SWITCHOVER_ETCD: 'false' } })).toEqual(['file'])
    const flags = { 'etcd.prefix': '/a' }
    expect(await names({ flags, env: { SWITCHOVER_ETCD: 'false' } })).toEqual(['file', 'etcd'])
  })

  it('whatever the order of the variables', async () => {
    const off = { SWITCHOVER_ETCD: 'false' }
    const prefix = { SWITCHOVER_ETCD_PREFIX: '/a' }
    const [one, other] = await Promise.all(
      [
        { ...off, ...prefix },
        { ...prefix, ...off },
      ].map((env) => loadStaticConfig({ text: FILE }, { env })),
    )
    const names = (config: typeof one) => config?.options.providers?.map(({ name }) => name)
    expect(names(one)).toEqual(names(other))
  })

  it('CONSUL_HTTP_TOKEN is heeded, if a flag or a variable switches Consul on', async () => {
    const tokens: unknown[] = []
    const consul = createServer((req, res) => {
      tokens.push(req.headers['x-consul-token'])
      res.writeHead(500).end()
    }).listen(0, '127.0.0.1')
    await once(consul, 'listening')
    const endpoint = `127.0.0.1:${(consul.address() as AddressInfo).port}`
    const sink = {
      update: async () => ({ state: 'superseded' }) as never,
      reject: () => {},
      unavailable: () => {},
      recovered: () => {},
    }
    const configs = await Promise.all([
      loadStaticConfig(
        { text: '' },
        { env: { CONSUL_HTTP_TOKEN: 'tok', SWITCHOVER_CONSUL_ENDPOINT: endpoint } },
      ),
      loadStaticConfig(
        { text: '' },
        { flags: { 'consul.endpoint': endpoint }, env: { CONSUL_HTTP_TOKEN: 'tok' } },
      ),
    ])
    try {
      for (const { options } of configs) {
        const [provider] = options.providers ?? []
        const before = tokens.length
        const started = Promise.resolve(provider?.start(sink)).catch(() => {})
        await eventually(() => tokens.length > before, 'it asks')
        await provider?.stop()
        await started
      }
      expect(new Set(tokens)).toEqual(new Set(['tok']))
    } finally {
      consul.closeAllConnections()
      consul.close()
    }
  })
})

describe('flags and variables', () => {
  it('of a frontend do not silently replace the document of the file', async () => {
    const text = `[file]\n${rules('http://a')}`.replace('version = "one"\n', '')
    expect(await refusal(text, { flags: { 'frontends.web.priority': '1' } })).toContain('frontends')
    expect(await refusal(text, { env: { SWITCHOVER_FRONTENDS_WEB_PASSHOSTHEADER: 'false' } })).toContain(
      'FRONTENDS',
    )
  })

  it.each(['10.0.0.9:9000', ':9000'])('of auth.forward.address open no entry point: %s', async (address) => {
    const env = { SWITCHOVER_ENTRYPOINTS_HTTP_AUTH_FORWARD_ADDRESS: address }
    expect(await refusal(FILE + entryPoint('http'), { env })).toContain('NOT_SUPPORTED')
  })

  it('of an entry point that is called as if they were are its own', async () => {
    const env = { SWITCHOVER_ENTRYPOINTS_MY_AUTH_ADDRESS: ':1' }
    const { listen } = await loadStaticConfig({ text: FILE + entryPoint('my-auth') }, { env })
    expect(listen).toEqual(['my-auth'])
    expect(await refusal(FILE, { env })).toContain('NOT_SUPPORTED')
  })

  it('within what is refused are refused, whatever their value', async () => {
    const key = 'entryPoints.http.proxyProtocol.insecure'
    expect(await refusal(`${FILE}${entryPoint('http')}proxyProtocol = { insecure = false }`)).toContain(
      'NOT_SUPPORTED',
    )
    expect(await refusal(FILE + entryPoint('http'), { flags: { [key]: 'false' } })).toContain('NOT_SUPPORTED')
  })

  it('within what is ignored are told of, whatever their value', async () => {
    const { warnings } = await loadStaticConfig(
      { text: FILE },
      { flags: { 'docker.exposedByDefault': 'false' } },
    )
    expect(warnings).toHaveLength(1)
  })

  it('which Kubernetes sets for a service of the name "switchover" keep nothing from its start', async () => {
    const env = {
      SWITCHOVER_SERVICE_HOST: '10.0.0.7',
      SWITCHOVER_SERVICE_PORT: '80',
      SWITCHOVER_PORT: 'tcp://10.0.0.7:80',
      SWITCHOVER_PORT_80_TCP_ADDR: '10.0.0.7',
    }
    expect(await refusal(FILE, { env })).toBe('accepted')
    const others = { SWITCHOVER_TLS_PORT: 'tcp://10.0.0.7:80', SWITCHOVER_TLS_SERVICE_PORT_HTTP: '80' }
    expect(await refusal(FILE, { env: others })).toBe('accepted')
    expect(await refusal(FILE, { env: { SWITCHOVER_PORT: '80' } })).toContain(
      'this environment variable is unknown',
    )
  })

  it('of entry points may be given one by one', async () => {
    const words = ['--entryPoints=Address::81 Name:a', '--entryPoints=Address::82 Name:b']
    const { listen, options } = await loadStaticConfig({ text: FILE }, commandFlags(words))
    expect(listen).toEqual(['a', 'b'])
    expect(options.entryPoints).toMatchObject({ a: { address: ':81' }, b: { address: ':82' } })
  })

  it('of an entry point may have its name anywhere, as in Traefik', async () => {
    expect(await refusal(FILE, { flags: { entryPoints: 'Address::80 Name:http' } })).toBe('accepted')
  })

  it('without a value: an empty SWITCHOVER_CONFIGFILE names no file', async () => {
    const cwd = await folderWith({ 'traefik.toml': FILE + entryPoint('http'), 'rules.toml': rules(blue.url) })
    const child = run([], { cwd, env: { SWITCHOVER_CONFIGFILE: '' } })
    await child.sees(/^http listens/m, 'stdout')
  })
})

describe('a traefik.toml of Traefik 1.7', () => {
  it.each([
    `${FILE}trace = true\n`,
    `${FILE}templateVersion = 2\n`,
    '[etcd]\ntemplateVersion = 2\n',
    '[consul]\ntemplateVersion = 2\n',
  ])('may have any key that its providers have: %j', async (text) => {
    expect(await refusal(text)).toBe('accepted')
  })

  it('may have entry points whose names differ in case: names of entry points stay as they are', async () => {
    const text = `${FILE}[entryPoints.api]\naddress = ":81"\n[entryPoints.API]\naddress = ":82"\n`
    expect(await refusal(text)).toBe('accepted')
  })

  it('is read as UTF-8 or not at all, by run as by check', async () => {
    const cwd = await folderWith({})
    const path = join(cwd, 'traefik.toml')
    await writeFile(path, Buffer.from('[etcd]\nusername = "root"\npassword = "h\xfcnter"\n', 'latin1'))
    expect((await captured(['check', path])).stdout).toContain('is not UTF-8')
    await expect(loadStaticConfig({ path })).rejects.toThrow('UTF-8')
  })

  it('throttles for as long as it says, or says that it cannot', async () => {
    let asked = 0
    const source = createServer((_req, res) => {
      asked += 1
      const web = { servers: { one: { url: `http://127.0.0.1:${asked}` } } }
      const frontends = { web: { backend: 'web', rule: 'PathPrefix:/' } }
      res.setHeader('content-type', 'application/json')
      res.end(JSON.stringify({ version: `${asked}`, backends: { web }, frontends }))
    }).listen(0, '127.0.0.1')
    await once(source, 'listening')
    const endpoint = `http://127.0.0.1:${(source.address() as AddressInfo).port}`
    const text = `providersThrottleDuration = "1000h"\n[http]\nendpoint = "${endpoint}"\npollInterval = "100ms"\n`
    const cwd = await folderWith({ 'traefik.toml': text + entryPoint('http') })
    const child = run([], { cwd })
    await eventually(() => asked >= 8 || child.child.exitCode !== null, 'it asks')
    expect(child.stderr).not.toMatch(/TimeoutOverflowWarning|generation 3 serves/)
    source.closeAllConnections()
    source.close()
  })
})

describe('errors of a static configuration', () => {
  it('of the status server are told by their key, and with their place', async () => {
    const text = `${FILE}[web]\naddress = "8080"\n`
    const path = join(await folderWith({ 'traefik.toml': text }), 'traefik.toml')
    expect((await captured(['check', path])).stdout).toContain(`${path}:4:1: web.address: `)
  })

  it('are all told at once', async () => {
    const message = await refusal(`logLevel = "LOUD"\n${FILE}[web]\naddress = "8080"\n`)
    expect(message).toContain('LOUD')
    expect(message).toContain('8080')
  })

  it('that only createProxy would see are told by their keys, all at once', async () => {
    const message = await refusal(
      `rootCAs = ["-----BEGIN x"]\nunsupportedFields = "x"\n${FILE}[web]\ntoken = "a b"\nmetrics.prometheus.buckets = [2, 1]\n`,
    )
    for (const key of ['rootCAs', 'unsupportedFields', 'web.token', 'web.metrics.prometheus.buckets'])
      expect(message).toMatch(
        new RegExp(`^(PROXY_CONFIG_INVALID )?${key.replaceAll('.', '\\.')}: expected`, 'm'),
      )
  })

  it('are not told if trustedProxies says something else than an entry point, which comes first', async () => {
    const distrust = '[entryPoints.http.forwardedHeaders]\ninsecure = false\n'
    const text = `trustedProxies = ["10.0.0.0/8"]\n${FILE}${entryPoint('http')}${distrust}`
    expect(await refusal(text)).toBe('accepted')
  })
})

describe('check', () => {
  it('tells names apart that differ in case', async () => {
    const text = `backends:
  Web: { servers: { one: { url: "http://a" } } }
  web: { servers: { one: { url: "ftp://a" } } }
frontends:
  one: { backend: web, rule: "Host:a" }
  two: { backend: Web, rule: "Host:b" }
`
    const path = join(await folderWith({ 'rules.yaml': text }), 'rules.yaml')
    expect((await captured(['check', path])).stdout).toContain(`${path}:3:28: backends.web.servers.one.url`)
  })

  it('shows the place that counts, of a name that stands twice in JSON', async () => {
    const backends = (url: string) => `"backends":{"a":{"servers":{"one":{"url":"${url}"}}}}`
    const text = `{${backends('http://a')},\n${backends('ftp://a')},\n"frontends":{}}`
    const path = join(await folderWith({ 'rules.json': text }), 'rules.json')
    const { stdout } = await captured(['check', path])
    expect(stdout).not.toContain(`${path}:1:`)
  })

  it('says that a frontend names an entry point that the same file does not have', async () => {
    const own = rules('http://a')
      .replace('version = "one"\n', '')
      .replace('backend = "web"', 'backend = "web"\nentryPoints = ["htpps"]')
    const text = `[file]\n${entryPoint('https')}${own}`
    const path = join(await folderWith({ 'traefik.toml': text }), 'traefik.toml')
    expect((await captured(['check', path])).stdout).toContain('htpps')
  })
})

describe('explain cannot tell', () => {
  const asking = (ip: string) => ['--host', 'a.test', '--path', '/', '--client-ip', ip]
  it.each(['10.0.0.1:80', '10.0.0.0/8', 'localhost', ''])(
    'for a client address that is none: %j',
    async (ip) => {
      const path = join(
        await folderWith({ 'rules.toml': rules('http://a', 'ClientIP:10.0.0.0/8') }),
        'rules.toml',
      )
      expect((await captured(['explain', path, ...asking(ip)])).exitCode).toBe(2)
    },
  )

  it('for an entry point that the static configuration does not have', async () => {
    const files = { 'traefik.toml': FILE + entryPoint('http'), 'rules.toml': rules('http://a') }
    const path = join(await folderWith(files), 'traefik.toml')
    const words = ['explain', '--configFile', path, ...asking('::1'), '--entry-point', 'htpp']
    expect((await captured(words)).exitCode).toBe(2)
  })
})
