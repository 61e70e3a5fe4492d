import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { captured } from '../support/captured-command.js'
import { folderWith, rules } from '../support/documents.js'

/** What `check` prints of files, with the folder left out. */
async function check(files: Readonly<Record<string, string>>, ...names: string[]) {
  const folder = await folderWith(files)
  const { exitCode, stdout, stderr } = await captured(['check', ...names.map((name) => join(folder, name))])
  const short = (text: string) => text.replaceAll(`${folder}/`, '').trimEnd().split('\n')
  return { exitCode, lines: short(stdout), errors: short(stderr) }
}

describe('switchover check', () => {
  it("takes Traefik's answer to GET /api/providers as a document, not as a static configuration", async () => {
    const frontends = { web: { backend: 'web', basicAuth: null, routes: { main: { rule: 'Host:a.test' } } } }
    const backends = { web: { servers: { one: { url: 'http://127.0.0.1:1' } } } }
    const dump = { docker: { frontends }, file: { backends } }
    expect(await check({ 'all.json': JSON.stringify(dump) }, 'all.json')).toMatchObject({
      exitCode: 0,
      lines: ['1 file: 0 issues, 0 warnings'],
    })
  })

  it('says where a mistake stands below the name of a provider of Traefik', async () => {
    const dump = `{
  "docker": {
    "frontends": {
      "web": { "backend": "web", "rul": "Host:a.test" }
    },
    "backends": { "web": { "servers": {} } }
  }
}`
    const { lines } = await check({ 'all.json': dump }, 'all.json')
    expect(lines).toContainEqual(
      expect.stringMatching(/^all\.json:4:34: frontends\.web\.rul: .*\[UNKNOWN_FIELD\]$/),
    )
  })

  it('says where a mistake stands in the second spelling of a table', async () => {
    const toml = `[frontends]
[backends.web.servers.one]
url = "http://10.0.0.1"
[Backends.other.servers.two]
url = "ftp://10.0.0.2"
`
    const { lines } = await check({ 'rules.toml': toml }, 'rules.toml')
    expect(lines).toContainEqual(
      expect.stringMatching(/^rules\.toml:5:1: backends\.other\..*\[INVALID_URL\]$/),
    )
  })

  it('finds nothing in documents that are right', async () => {
    const files = {
      'rules.toml': rules('http://127.0.0.1:1'),
      'more/rules.json': '{"frontends":{},"backends":{}}',
    }
    expect(await check(files, 'rules.toml')).toEqual({
      exitCode: 0,
      lines: ['1 file: 0 issues, 0 warnings'],
      errors: [''],
    })
    expect(await check(files, 'more/rules.json')).toMatchObject({
      exitCode: 0,
      lines: [
        'more/rules.json:1:2: warning: frontends: this document has no frontends; a provider takes it only with allowEmpty [EMPTY]',
        '1 file: 0 issues, 1 warning',
      ],
    })
  })

  it.each([
    [
      'rules.toml',
      `[backends.web.servers.one]
url = "ftp://a"
[frontends]
  [frontends."a b"]
  Backend = "wb"
  routes = { main = { rule = "Hst:a" } }
`,
      [
        /^rules\.toml:2:1: backends\.web\.servers\.one\.url: .*\[INVALID_URL\]$/,
        /^rules\.toml:5:3: frontends\["a b"\]\.backend: there is no backend "wb".*\[MISSING_BACKEND\]$/,
        /^rules\.toml:6:23: frontends\["a b"\]\.routes\.main\.rule: .*"Host" \[INVALID_RULE\]$/,
      ],
    ],
    [
      'rules.yaml',
      `backends:
  web: { servers: { one: { url: 'http://a', wieght: 3 } } }
frontends:
  web:
    rule: Host:a
`,
      [
        /^rules\.yaml:2:45: backends\.web\.servers\.one\.wieght: .*nearest known one is "weight" \[UNKNOWN_FIELD\]$/,
        /^rules\.yaml:4:3: frontends\.web\.backend: expected the name of a backend.*\[MISSING_BACKEND\]$/,
      ],
    ],
    [
      'rules.json',
      `{
  "backends": {},
  "frontends": { "web": { "backend": "web", "rule": "Host:a",
    "auth": { "headerField": "X-User" } } }
}`,
      [
        /^rules\.json:4:5: frontends\.web\.auth: auth of Traefik is not supported yet, and it is a guard: .* \[NOT_SUPPORTED\]$/,
        /^rules\.json:3:27: frontends\.web\.backend: .*\[MISSING_BACKEND\]$/,
      ],
    ],
    ['rules.toml', '[frontends]\nweb = \n', [/^rules\.toml:2:\d+: .*\[PROXY_CONFIG_UNUSABLE\]$/]],
    ['rules.json', '[1]', [/^rules\.json:1:1: expected a document, found a list/]],
  ])('says where the issues of %s stand: %j', async (name, text, expected) => {
    const { exitCode, lines } = await check({ [name]: text }, name)
    const issues = lines.slice(0, -1)
    expect(issues).toHaveLength(expected.length)
    for (const pattern of expected) expect(issues).toContainEqual(expect.stringMatching(pattern))
    expect(lines.at(-1)).toBe(`1 file: ${expected.length} issue${expected.length > 1 ? 's' : ''}, 0 warnings`)
    expect(exitCode).toBe(1)
  })

  it('warns of what is valid, and most likely not meant', async () => {
    const text = `${rules('http://a')}[frontends.never]\nbackend = "web"\nrule = "PathPrefix:/x"\npriority = 1\n[backends.idle.servers.a]\nurl = "http://a"\n`
    const { exitCode, lines } = await check({ 'rules.toml': text }, 'rules.toml')
    expect(exitCode).toBe(0)
    expect(lines).toEqual([
      expect.stringMatching(
        /^rules\.toml:8:12: warning: frontends\.never: "never" can never win.*\[SHADOWED\]$/,
      ),
      expect.stringMatching(/^rules\.toml:12:11: warning: backends\.idle: .*\[UNUSED_BACKEND\]$/),
      '1 file: 0 issues, 2 warnings',
    ])
  })

  it('takes the documents of a folder together, and each static configuration by itself', async () => {
    const [backends = '', frontends = ''] = rules('http://a')
      .replace('version = "one"\n', '')
      .split('[frontends.web]\n')
    const files = {
      'rules/a.toml': backends,
      'rules/b.toml': `[frontends.web]\n${frontends}`,
      'rules/traefik.toml': 'loglevl = "x"\n[file]\ndirectory = "."\n[docker]\n',
      'rules/.hidden.toml': 'broken',
    }
    expect(await check(files, 'rules')).toMatchObject({
      exitCode: 1,
      lines: [
        'rules/traefik.toml:1:1: loglevl: there is no key "loglevl" here; the nearest known one is "logLevel" [UNKNOWN_FIELD]',
        'rules/traefik.toml:4:2: warning: docker: this key of Traefik is not supported yet: ignored [NOT_SUPPORTED]',
        '3 files: 1 issue, 1 warning',
      ],
    })
    const twice = {
      'rules/a.toml': backends,
      'rules/b.toml': backends,
      'rules/c.toml': `[frontends.web]\n${frontends}`,
    }
    const { lines } = await check(twice, 'rules')
    expect(lines[0]).toMatch(/^rules\/a\.toml:1:11: backends\.web: occurs in .*a\.toml and in .*b\.toml/)
  })

  it('looks at the document that stands in a static configuration', async () => {
    const text = `[file]\n${rules('http://a', 'Hst:a').replace('version = "one"\n', '')}`
    const { exitCode, lines } = await check({ 'traefik.toml': text }, 'traefik.toml')
    expect(exitCode).toBe(1)
    expect(lines[0]).toMatch(/^traefik\.toml:7:3: frontends\.web\.routes\.main\.rule: .*\[INVALID_RULE\]$/)
  })

  it('ends with 2 for what cannot be read, and for wrong usage', async () => {
    const { exitCode, errors, lines } = await check({ 'rules.txt': '' }, 'nowhere.toml', 'rules.txt')
    expect(exitCode).toBe(2)
    expect(errors).toEqual([
      expect.stringMatching(/^nowhere\.toml: cannot be read: ENOENT/),
      expect.stringMatching(/^rules\.txt: cannot be read: .*expected a file whose name ends with \.toml/),
    ])
    expect(lines).toEqual(['0 files: 0 issues, 0 warnings'])
    expect(await captured(['check'])).toMatchObject({ exitCode: 2, stdout: '' })
  })

  it('never prints a password', async () => {
    const toml = rules('http://user:hunter2@a b')
    const config =
      '[http]\nendpoint = "http://user:hunter2@a b"\n[etcd]\npassword = ["hunter2"]\nendpoint = "http://u:hunter2@a"\n'
    const { lines } = await check(
      { 'rules.toml': toml, 'traefik.toml': config },
      'rules.toml',
      'traefik.toml',
    )
    expect(lines.length).toBeGreaterThan(3)
    expect(lines.join('\n')).not.toContain('hunter2')
  })
})
