import { describe, expect, it } from 'vitest'
import { captured } from './captured-command.js'

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

const TOML = `# What stood below /z in a store.
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
      stderr: 'left out: "odd", which Traefik does not know\n',
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
    ['[{"key":1}]', 1, /expected keys, as etcdctl get --prefix --write-out=json or consul kv export/],
    ['{"frontends":{}}', 1, /expected keys, as etcdctl/],
    ['7', 1, /expected keys, as etcdctl/],
    ['null', 1, /expected keys, as etcdctl/],
    ['oops', 1, /\(standard input\):1:1: Unexpected token/],
    [
      exported({ '/traefik/loglevel': 'A', '/traefik/LogLevel': 'B' }),
      1,
      /stands twice, in two spellings: LogLevel/,
    ],
  ])('says what is wrong with %j', async (stdin, code, expected) => {
    const { exitCode, stdout, stderr } = await captured(['convert', '--format', 'keys', '-'], { stdin })
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' })
    expect(stderr).toMatch(expected)
  })

  it('refuses what does not belong together, and a file that is not there', async () => {
    expect(await captured(['convert', '--prefix', '/z', '--format', 'json', '-'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('expected --format keys beside --prefix'),
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
