import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { captured } from '../support/captured-command.js'
import { folderWith } from '../support/documents.js'

const RULES = `
[backends.a.servers.s57]
url = "http://192.168.1.57:9111"
weight = 3
[frontends.range-1]
backend = "a"
rule = "Host:www.baidu.com;ClientIP:10.0.1.0/24"
[frontends.range-2]
backend = "a"
rule = "Host:www.baidu.com;ClientIP:10.0.2.0/24"
[frontends.any]
backend = "a"
rule = "Host:www.baidu.com"
[frontends.posts]
backend = "a"
rule = "Path:/posts;Method:POST;Headers:X-Tenant,blue;Query:a=b"
[frontends.inner]
backend = "a"
rule = "Host:inner.test"
entryPoints = ["inner"]
`

const files = await folderWith({ 'rules.toml': RULES, 'traefik.toml': '[file]\nfilename = "rules.toml"\n' })
const rulesFile = join(files, 'rules.toml')
const asking = (host: string, ip = '10.0.1.7', path = '/') => [
  '--host',
  host,
  '--path',
  path,
  '--client-ip',
  ip,
]
const explain = (...words: string[]) => captured(['explain', ...words])

describe('switchover explain', () => {
  it('says who wins, with its rule and its servers, and what refused the others', async () => {
    const { exitCode, stdout } = await explain(rulesFile, ...asking('www.baidu.com'))
    expect(exitCode).toBe(0)
    expect(stdout.split('\n')).toEqual([
      'range-1@file wins',
      '  rule      Host:www.baidu.com;ClientIP:10.0.1.0/24',
      '  priority  39',
      '  backend   a@file',
      '  server    s57: http://192.168.1.57:9111, weight 3',
      '  any@file matches too, with priority 18',
      expect.stringMatching(/^ {2}posts@file does not match: /),
      '  range-2@file does not match: ClientIP:10.0.2.0/24',
      expect.stringMatching(/^ {2}inner@file does not match: /),
      '',
    ])
  })

  it('holds a white list against the peer, which is the client unless another one is given', async () => {
    const text = `${RULES}[frontends.office]
backend = "a"
rule = "Host:office.test"
  [frontends.office.whiteList]
  sourceRange = ["127.0.0.0/8"]
`
    const folder = await folderWith({ 'office.toml': text })
    const ask = (...words: string[]) =>
      explain(join(folder, 'office.toml'), ...asking('office.test', '198.51.100.7'), ...words)
    const refused = (await ask()).stdout
    expect(refused).toContain('  chain     whiteList: 198.51.100.7 is not on the white list\n')
    expect(refused).toContain('  answer    403, 198.51.100.7 is not on the white list\n')
    const admitted = (await ask('--peer-ip', '127.0.0.1')).stdout
    expect(admitted).toContain('  chain     whiteList: 127.0.0.1 is on the white list\n')
    expect(admitted).not.toContain('403')
    const { exitCode, stderr } = await ask('--peer-ip', 'x')
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--peer-ip: expected an address')])
  })

  it('ends with 1 if nobody does', async () => {
    const { exitCode, stdout } = await explain(rulesFile, ...asking('other.test'))
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/^no frontend matches\n/)
  })

  it('takes method, headers, query and entry point', async () => {
    const posts = [
      ...asking('x', '::1', '/posts?a=b'),
      '--method',
      'POST',
      '--header',
      'x-tenant: blue',
      '--json',
    ]
    const { exitCode, stdout } = await explain(rulesFile, ...posts)
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      winner: { frontend: 'posts@file' },
      servers: [{ name: 's57' }],
    })
    // Of documents alone it is not known where a request comes in.
    expect((await explain(rulesFile, ...asking('inner.test'))).exitCode).toBe(0)
    expect((await explain(rulesFile, ...asking('inner.test'), '--entry-point', 'outer')).exitCode).toBe(1)
    expect((await explain(rulesFile, ...asking('inner.test'), '--entry-point', 'inner')).exitCode).toBe(0)
  })

  it('never prints what a rule expects of headers that say who asks', async () => {
    const text = `${RULES}[frontends.secret]\nbackend = "a"\n[frontends.secret.routes]\na = { rule = "Host:s.test" }\nb = { rule = "Headers:Authorization,hunter2" }\n`
    const folder = await folderWith({ 'rules.toml': text })
    for (const more of [[], ['--json'], ['--header', 'authorization: hunter2']]) {
      const { stdout } = await explain(join(folder, 'rules.toml'), ...asking('s.test'), ...more)
      expect(stdout).toContain('Authorization,***')
      expect(stdout).not.toContain('hunter2')
    }
  })

  it('asks the providers of a static configuration without files', async () => {
    const config = join(files, 'traefik.toml')
    const { exitCode, stdout } = await explain(
      `--configFile=${config}`,
      ...asking('www.baidu.com', '10.0.2.9'),
    )
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^range-2@file wins\n/)
    const flags = [`--file.filename=${rulesFile}`, '--entryPoints.inner.address=:1']
    expect((await explain(...flags, ...asking('inner.test'))).exitCode).toBe(0)
  })

  it('says of a client without an address what is unknown', async () => {
    const { exitCode, stdout } = await explain(rulesFile, ...asking('www.baidu.com', 'unknown'))
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^any@file wins\n/)
    expect(stdout).toContain(
      '  range-1@file does not match: ClientIP:10.0.1.0/24 is unknown, because the client has no address\n',
    )
  })

  it('asks a static configuration whose entry points trust different proxies', async () => {
    const points = ['inner', 'outer'].map((name, at) => {
      const trust = name === 'inner' ? 'trustedIPs = ["10.0.0.1"]' : 'insecure = true'
      return `[entryPoints.${name}]\naddress = ":${at + 1}"\n[entryPoints.${name}.forwardedHeaders]\n${trust}\n`
    })
    const folder = await folderWith({ 'traefik.toml': `${points.join('')}[file]\n${RULES}` })
    const config = `--configFile=${join(folder, 'traefik.toml')}`
    expect((await explain(config, ...asking('inner.test'), '--entry-point', 'inner')).exitCode).toBe(0)
    expect((await explain(config, ...asking('inner.test'), '--entry-point', 'outer')).exitCode).toBe(1)
  })

  it('lists some of the others, and says how many more there are', async () => {
    const many = Array.from(
      { length: 30 },
      (_, at) => `[frontends.f${at}]\nbackend = "a"\nrule = "Host:${at}.test"\n`,
    )
    const folder = await folderWith({ 'a/rules.toml': `${RULES}${many.join('')}` })
    const { stdout } = await explain(join(folder, 'a'), ...asking('www.baidu.com'))
    expect(stdout.match(/does not match/g)).toHaveLength(19)
    expect(stdout).toContain('and 14 more frontends that do not serve it')
  })

  it.each([
    [[], /required option '--host/],
    [[...asking('a'), '--header', 'none'], /Expected 'Name: value'/],
    [
      [...asking('a', 'unknwn'), rulesFile],
      /--client-ip: expected an address such as 10\.0\.1\.7 or ::1, or the word unknown/,
    ],
    [
      [...asking('a'), rulesFile, '--etcd.prefix=/a'],
      /expected either files or a static configuration, found both/,
    ],
    [[...asking('a'), '--configFile', '/nowhere.toml'], /cannot be read: ENOENT/],
    [[...asking('a'), '/nowhere.toml'], /ENOENT/],
    [
      [...asking('a'), join(files, 'traefik.toml')],
      /expected a document, found a static configuration; pass it with --configFile/,
    ],
    [[...asking('a'), '--etcd.prefx=/a'], /--etcd\.prefx: this flag is unknown/],
  ])('cannot tell with %j: 2', async (words, expected) => {
    const { exitCode, stderr, stdout } = await explain(...words)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(expected)
    expect(stdout).toBe('')
  })

  it('says what is wrong with a document, and where', async () => {
    const folder = await folderWith({
      'rules.yaml': 'backends: {}\nfrontends:\n  a: { backend: b, rule: "Host:a" }\n',
      'x.toml': '=',
    })
    const { exitCode, stderr } = await explain(join(folder, 'rules.yaml'), ...asking('a'))
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/rules\.yaml:3:8: frontends\.a\.backend: .*\[MISSING_BACKEND\]/)
    expect((await explain(join(folder, 'x.toml'), ...asking('a'))).stderr).toMatch(/x\.toml:1:1: .*UNUSABLE/)
  })
})
