import { describe, expect, it } from 'vitest'
import { readStaticConfig } from '../../src/static-config/read-static-config.js'
import { captured } from '../support/captured-command.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const exported = (keys: Readonly<Record<string, string>>) =>
  JSON.stringify({
    header: {},
    kvs: Object.entries(keys).map(([key, value]) => ({ key: base64(key), value: base64(value) })),
  })

/** As Traefik 1.7's storeconfig writes them, with folders and empty values. */
const KEYS = {
  '/z/loglevel': 'DEBUG',
  '/z/checknewversion': 'false',
  '/z/providersthrottleduration': '2s',
  '/z/maxidleconnsperhost': '200',
  '/z/defaultentrypoints/0': 'http',
  '/z/defaultentrypoints/1': 'https',
  '/z/entrypoints/http/': '',
  '/z/entrypoints/http/address': ':80',
  '/z/entrypoints/http/auth/': '',
  '/z/entrypoints/http/auth/basic/users/1': 'bob:x',
  '/z/entrypoints/http/auth/basic/users/0': 'alice:x',
  '/z/entrypoints/http/auth/basic/usersfile': '',
  '/z/EntryPoints/http/WhiteList/sourceRange': '10.0.0.0/8, ::1',
  '/z/entrypoints/http/redirect/entrypoint': 'https',
  '/z/entrypoints/http/redirect/permanent': 'true',
  '/z/entrypoints/https/address': ':443',
  '/z/entrypoints/https/tls/certificates/0/certfile': 'a.crt',
  '/z/entrypoints/https/tls/certificates/0/keyfile': 'a.key',
  '/z/metrics/prometheus/buckets': '0.1,0.3',
  '/z/frontends/web/backend': 'web',
  '/z/tls/one/certificate/certfile': 'x',
  '/z/alias': '/z/v1',
  '/z/leader': 'me',
  '/z/odd/key': 'x',
  '/zz/loglevel': 'ERROR',
}

const TOML = `# Converted from the keys below /z in a store.
logLevel = "DEBUG"
checkNewVersion = false
providersThrottleDuration = "2s"
maxIdleConnsPerHost = 200
defaultEntryPoints = [ "http", "https" ]

[entryPoints.http]
address = ":80"

[entryPoints.http.auth.basic]
users = [ "alice:x", "bob:x" ]

[entryPoints.http.whiteList]
sourceRange = [ "10.0.0.0/8", "::1" ]

[entryPoints.http.redirect]
entrypoint = "https"
permanent = true

[entryPoints.https]
address = ":443"

[[entryPoints.https.tls.certificates]]
certfile = "a.crt"
keyfile = "a.key"

[metrics.prometheus]
buckets = [ 0.1, 0.3 ]
`

describe('switchover convert --format keys', () => {
  it('prints the static configuration below a prefix as a traefik.toml, and names what nobody knows', async () => {
    const words = ['convert', '--format', 'keys', '--prefix', '/z/', '-']
    const { exitCode, stdout, stderr } = await captured(words, { stdin: exported(KEYS) })
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'left out: "odd", because it is not a key of Traefik\n',
    })
    expect(stdout.replace('/z/', '/z')).toBe(TOML)
  })

  it('takes an export of Consul, whose keys begin without a slash', async () => {
    const keys = Object.entries(KEYS).map(([key, value]) => ({
      key: key.slice(1),
      flags: 0,
      value: base64(value),
    }))
    const words = ['convert', '--format=keys', '--prefix=z', '-']
    const { exitCode, stdout } = await captured(words, { stdin: JSON.stringify(keys) })
    expect(exitCode).toBe(0)
    expect(stdout).toBe(TOML.replace('/z', 'z'))
  })

  it.each([
    ['{"header":{}}', 1, /there is no static configuration below \/traefik$/m],
    [exported({ '/traefik/frontends/a/backend': 'b' }), 1, /there is no static configuration/],
    ['[{"key":1}]', 1, /expected the output of etcdctl get --prefix --write-out=json or of consul kv export/],
    ['{"frontends":{}}', 1, /expected the output of etcdctl/],
    ['7', 1, /expected the output of etcdctl/],
    ['null', 1, /expected the output of etcdctl/],
    ['oops', 1, /\(standard input\):1:1: Unexpected token/],
    ['/traefik/loglevel\nINFO\n', 1, /etcdctl prints JSON with --write-out=json$/m],
    [
      JSON.stringify({ ...JSON.parse(exported(KEYS)), more: true, count: 99 }),
      1,
      /found "more": true; export/,
    ],
    [
      exported({ '/traefik/loglevel': 'A', '/traefik/LogLevel': 'B' }),
      1,
      /the same key is given in two spellings: LogLevel/,
    ],
  ])('says what is wrong with %j', async (stdin, code, expected) => {
    const { exitCode, stdout, stderr } = await captured(['convert', '--format', 'keys', '-'], { stdin })
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' })
    expect(stderr).toMatch(expected)
  })

  it('writes durations, which a store holds as bare nanoseconds, with their unit', async () => {
    const stdin = exported({
      '/traefik/providersthrottleduration': '2000000000',
      '/traefik/lifecycle/gracetimeout': '1000000',
      '/traefik/respondingtimeouts/idletimeout': '180000000000',
      '/traefik/respondingtimeouts/readtimeout': '0',
      '/traefik/forwardingtimeouts/dialtimeout': '1500000000',
      '/traefik/accesslog/filters/minduration': '7',
      '/traefik/healthcheck/interval': '30000000000',
      '/traefik/metrics/datadog/pushinterval': '10s',
      '/traefik/gracetimeout': '2500',
      '/traefik/retry/attempts': '3',
    })
    const { exitCode, stdout, stderr } = await captured(['convert', '--format', 'keys', '-'], { stdin })
    expect(exitCode).toBe(0)
    for (const line of [
      ...['providersThrottleDuration = "2s"', 'graceTimeOut = "1ms"', 'idleTimeout = "180s"'],
      ...['readTimeout = "0s"', 'dialTimeout = "1500ms"', 'minDuration = "7ns"', 'interval = "30s"'],
      ...['pushinterval = "10s"', 'graceTimeOut = "2500ns"', 'attempts = 3'],
    ])
      expect(stdout).toContain(`${line}\n`)
    expect(stderr).toContain(
      'providersthrottleduration: 2000000000 nanoseconds in the store, written as "2s"\n',
    )
    expect(stderr).not.toContain('10s')
    // What was printed is what `run` reads.
    const read = await readStaticConfig({ text: `${stdout}\n[file]\nfilename = "x.toml"` })
    expect(read.drainMs).toBe(1)
    expect(read.options.timeouts).toMatchObject({ keepAliveMs: 180_000, connectMs: 1_500 })
  })

  it('tells of a value that has keys below it too, in either order', async () => {
    const users = { '/traefik/entrypoints/http/auth/basic/users/0': 'bob:x' }
    const value = { '/traefik/entrypoints/http/auth/basic/users': 'alice:x' }
    const on = { '/traefik/api': 'true', '/traefik/api/dashboard': 'true' }
    for (const keys of [
      { ...users, ...value, ...on },
      { ...value, ...on, ...users },
    ]) {
      const words = ['convert', '--format', 'keys', '-']
      const { exitCode, stdout, stderr } = await captured(words, { stdin: exported(keys) })
      expect(exitCode).toBe(0)
      expect(stdout).toContain('users = [ "bob:x" ]')
      expect(stderr).toBe(
        'left out: the value of "entrypoints/http/auth/basic/users", because there are keys below it, which are used instead\n',
      )
    }
  })

  it.each([
    ['of etcd', exported(KEYS)],
    ['of etcd, without keys', '{"header":{"cluster_id":1}}'],
    ['of Consul', '[{"key":"traefik/loglevel","flags":0,"value":"eA=="}]'],
  ])('is asked for where an export %s is given as a document', async (_what, stdin) => {
    expect(await captured(['convert', '--format', 'json', '-'], { stdin })).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('found keys of a store; read them with --format keys'),
    })
  })

  it('refuses what does not belong together, and a file that is not there', async () => {
    expect(await captured(['convert', '--prefix', '/z', '--format', 'json', '-'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--prefix needs --format keys'),
    })
    expect(await captured(['convert', '--format', 'keys', '/nowhere'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('/nowhere: cannot be read: ENOENT'),
    })
  })

  it('is led nowhere by names that careless code stumbles over', async () => {
    const keys = { '/traefik/__proto__/x': 'y', '/traefik/entrypoints/__proto__/auth/basic/users/0': 'a:b' }
    const { exitCode, stdout } = await captured(['convert', '--format', 'keys', '-'], {
      stdin: exported(keys),
    })
    expect(exitCode).toBe(0)
    expect(stdout).toContain('[entryPoints.__proto__.auth.basic]')
    expect(({} as { auth?: unknown }).auth).toBeUndefined()
  })
})
