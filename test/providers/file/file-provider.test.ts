import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FileProvider, type FileProviderOptions, type ProviderConfig } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RecordingSink } from '../../support/recording-sink.js'

const startingPage = fileURLToPath(new URL('starting-page.rules.toml', import.meta.url))

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'file-provider-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function start(options: FileProviderOptions): Promise<RecordingSink> {
  const provider = new FileProvider(options)
  const sink = new RecordingSink()
  onTestFinished(() => provider.stop())
  await provider.start(sink)
  return sink
}

const toml = (version: string, url = 'http://127.0.0.1:9') => `
version = "${version}"
[backends.web.servers.one]
url = "${url}"
[frontends.web]
backend = "web"
[frontends.web.routes.main]
rule = "Host:a.test"
`
const delivered = (version: string) => (sink: RecordingSink) => sink.versions.at(-1) === version
const last = (sink: RecordingSink): ProviderConfig => sink.of('update').at(-1)?.config as ProviderConfig

describe('a file', () => {
  it.each([
    ['rules.toml', toml('v1')],
    [
      'rules.yaml',
      'version: v1\nfrontends: {web: {backend: web, routes: {main: {rule: "Host:a.test"}}}}\nbackends: {web: {servers: {one: {url: "http://127.0.0.1:9"}}}}',
    ],
    [
      'rules.YML',
      'version: v1\nfrontends: {web: {backend: web, routes: {main: {rule: "Host:a.test"}}}}\nbackends: {web: {servers: {one: {url: "http://127.0.0.1:9"}}}}',
    ],
    [
      'rules.json',
      '{"version":"v1","frontends":{"web":{"backend":"web","routes":{"main":{"rule":"Host:a.test"}}}},"backends":{"web":{"servers":{"one":{"url":"http://127.0.0.1:9"}}}}}',
    ],
  ])('may be %s', async (name, text) => {
    const filename = join(await temporaryFolder(), name)
    await writeFile(filename, text)
    const sink = await start({ filename })
    await sink.until('it is delivered', delivered('v1'))
    expect(last(sink)).toEqual({
      version: 'v1',
      frontends: { web: { backend: 'web', routes: { main: { rule: 'Host:a.test' } } } },
      backends: { web: { servers: { one: { url: 'http://127.0.0.1:9' } } } },
    })
    expect(Object.keys(sink.of('update')[0]?.about?.steps ?? {})).toEqual(['read', 'parse'])
  })

  it('may have Traefik’s fields in any case', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(
      filename,
      '[Backends.Web.LoadBalancer]\nMethod="wrr"\n[Backends.Web.Servers.S]\nURL="http://127.0.0.1:9"\nWEIGHT=2\n[Frontends.F]\nBackend="Web"\nPassHostHeader=false\n[Frontends.F.Routes.R]\nRule="Host:a"',
    )
    const sink = await start({ filename })
    await sink.until('it is delivered', ({ said }) => said.some(({ what }) => what === 'update'))
    expect(last(sink)).toEqual({
      backends: {
        Web: { loadBalancer: { method: 'wrr' }, servers: { S: { url: 'http://127.0.0.1:9', weight: 2 } } },
      },
      frontends: { F: { backend: 'Web', passHostHeader: false, routes: { R: { rule: 'Host:a' } } } },
    })
  })

  it('may be the starting page’s', async () => {
    const sink = await start({ filename: startingPage })
    await sink.until('it is delivered', ({ said }) => said.length > 0)
    expect(Object.keys(last(sink).frontends)).toEqual(['baidu-range-1', 'baidu-range-2', 'map'])
  })

  it('is read anew when an editor writes it in place, or puts another in its place', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v1'))
    const sink = await start({ filename })
    await sink.until('v1', delivered('v1'))
    await writeFile(filename, toml('v2'))
    await sink.until('v2', delivered('v2'))
    await writeFile(`${filename}~`, toml('v3'))
    await rename(`${filename}~`, filename)
    await sink.until('v3', delivered('v3'))
    await unlink(filename)
    await writeFile(filename, toml('v4'))
    await sink.until('v4', delivered('v4'))
    expect(sink.of('reject')).toEqual([])
  })

  it('behind links of links, as Kubernetes mounts a ConfigMap, is followed when one of them is turned', async () => {
    const folder = await temporaryFolder()
    for (const version of ['v1', 'v2']) {
      await mkdir(join(folder, `..${version}`))
      await writeFile(join(folder, `..${version}`, 'rules.toml'), toml(version))
    }
    await symlink('..v1', join(folder, '..data'))
    await symlink('..data/rules.toml', join(folder, 'rules.toml'))
    const ofFile = await start({ filename: join(folder, 'rules.toml') })
    const ofFolder = await start({ directory: folder })
    for (const sink of [ofFile, ofFolder]) await sink.until('v1', delivered('v1'))
    await symlink('..v2', join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    for (const sink of [ofFile, ofFolder]) await sink.until('v2', delivered('v2'))
  })

  it('that is gone is an outage; its return ends it, though nothing of it has changed', async () => {
    const filename = join(await temporaryFolder(), 'deep/rules.toml')
    const sink = await start({ filename })
    await sink.until('an outage', ({ isUnavailable }) => isUnavailable)
    await mkdir(join(filename, '..'))
    await writeFile(filename, toml('v1'))
    await sink.until('v1', delivered('v1'))
    await rename(filename, `${filename}.away`)
    await sink.until('an outage', ({ isUnavailable }) => isUnavailable)
    await rename(`${filename}.away`, filename)
    await sink.until('v1 again', ({ versions }) => versions.length === 2)
    expect(sink.outages).toBe(2)
  })

  it('without watch is read once, as soon as it is there', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    const sink = await start({ filename, watch: false })
    await sink.until('an outage', ({ isUnavailable }) => isUnavailable)
    await writeFile(filename, toml('v1'))
    await sink.until('v1', delivered('v1'))
    await writeFile(filename, toml('v2'))
    const other = await start({ filename })
    await other.until('v2 by another', delivered('v2'))
    expect(sink.versions).toEqual(['v1'])
  })

  it('that is being written is not read before it is whole', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v1'))
    const sink = await start({ filename, debounceMs: 1_500 })
    await sink.until('v1', delivered('v1'))
    // A writer that takes its time: what is there meanwhile is no document, or half of one.
    for (const version of ['v2', 'v3']) {
      await truncate(filename, 20)
      await delay(50)
      await writeFile(filename, toml(version))
    }
    await sink.until('v3', delivered('v3'))
    expect(sink.of('reject')).toEqual([])
  })

  it.each([
    ['rules.toml', 'a = [1,', /rules\.toml:1:\d+: /],
    ['rules.toml', 'a = 1\na = 2', /rules\.toml:2:/],
    ['rules.yaml', 'a: [1,\nb: }', /rules\.yaml:\d+:\d+: /],
    [
      'rules.yaml',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]`,
      /rules\.yaml: .*alias/i,
    ],
    ['rules.json', '{"a": 1,\n "b": }', /rules\.json.*JSON/],
    ['rules.json', Buffer.from([0x22, 0xff, 0xfe, 0x22]), /is not UTF-8/],
    ['rules.toml', `a = ${'['.repeat(100_000)}`, /rules\.toml/],
    ['rules.json', '['.repeat(1_000_000), /rules\.json/],
    ['rules.yaml', '['.repeat(20_000), /rules\.yaml/],
    ['rules.txt', 'x', /expected a file whose name ends with/],
  ])('%s that is none is refused, with the place: %s', async (name, text, message) => {
    const filename = join(await temporaryFolder(), name)
    await writeFile(filename, text)
    const sink = await start({ filename })
    await sink.until('it is refused', ({ said }) => said.length > 0)
    expect(sink.said[0]).toMatchObject({ what: 'reject', error: { code: 'PROXY_CONFIG_UNUSABLE' } })
    expect(sink.of('reject')[0]?.error.message).toMatch(message)
  })

  it('that is too large is refused unread', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, `# ${'x'.repeat(2_000)}`)
    const sink = await start({ filename, maxBytes: 1_000 })
    await sink.until('it is refused', ({ said }) => said.length > 0)
    expect(sink.of('reject')[0]?.error.message).toContain('more than 1000 bytes')
  })

  it('that may not be read is an outage that says why', async () => {
    const folder = await temporaryFolder()
    const filename = join(folder, 'rules.toml')
    await writeFile(filename, toml('v1'), { mode: 0o600 })
    const program = `
      import { FileProvider } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)}
      process.setuid?.(65534)
      const done = (what) => { console.log(what); process.exit() }
      await new FileProvider({ filename: ${JSON.stringify(filename)} }).start({
        update: async () => done('delivered'), reject: (error) => done(error.message), unavailable: (error) => done(error.message), recovered() {},
      })`
    execFileSync('chmod', ['755', folder])
    const printed = execFileSync(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', program],
      {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      },
    )
    // Whoever is not root cannot become another, and reads its own file.
    expect(String(printed)).toMatch(process.getuid?.() === 0 ? /EACCES.*rules\.toml/ : /delivered|EPERM/)
  })
})

describe('a folder', () => {
  const part = (name: string) =>
    `[frontends.${name}]\nbackend="${name}"\n[frontends.${name}.routes.r]\nrule="Host:${name}"\n[backends.${name}.servers.s]\nurl="http://127.0.0.1:9"`

  it('makes one document of all that lie in it, of whatever form, but for those that hide', async () => {
    const directory = await temporaryFolder()
    await mkdir(join(directory, 'more'))
    await writeFile(join(directory, 'a.toml'), part('a'))
    await writeFile(join(directory, 'more/b.yaml'), 'frontends: {b: {backend: a, rule: "Host:b"}}')
    await writeFile(join(directory, '.c.toml'), part('c'))
    await writeFile(join(directory, 'README.md'), 'no document')
    const sink = await start({ directory })
    await sink.until('it is delivered', ({ said }) => said.length > 0)
    expect(Object.keys(last(sink).frontends)).toEqual(['a', 'b'])
    await copyFile(join(directory, '.c.toml'), join(directory, 'more/c.toml'))
    await sink.until('c too', ({ said }) => said.length > 1)
    expect(Object.keys(last(sink).frontends)).toEqual(['a', 'b', 'c'])
    await unlink(join(directory, 'a.toml'))
    await sink.until('no a any more', ({ said }) => said.length > 2)
    expect(Object.keys(last(sink).frontends)).toEqual(['b', 'c'])
  })

  it('in which a name stands twice is refused, with an issue for each', async () => {
    const directory = await temporaryFolder()
    await writeFile(join(directory, 'a.toml'), part('web'))
    await writeFile(join(directory, 'b.toml'), part('web'))
    const sink = await start({ directory })
    await sink.until('it is refused', ({ said }) => said.length > 0)
    const { error } = sink.of('reject')[0] ?? {}
    expect(error?.issues).toEqual([
      {
        path: 'frontends.web',
        code: 'DUPLICATE_NAME',
        message: 'occurs in a.toml and in b.toml; expected one',
      },
      {
        path: 'backends.web',
        code: 'DUPLICATE_NAME',
        message: 'occurs in a.toml and in b.toml; expected one',
      },
    ])
  })

  it('of which one file is none is refused as a whole, by that file’s name', async () => {
    const directory = await temporaryFolder()
    await writeFile(join(directory, 'a.toml'), part('a'))
    await writeFile(join(directory, 'b.json'), '{}')
    await writeFile(join(directory, 'c.json'), '{')
    const sink = await start({ directory })
    await sink.until('it is refused', ({ said }) => said.length > 0)
    expect(sink.of('reject')[0]?.error.message).toContain('c.json')
  })
})

describe('options of FileProvider', () => {
  it.each([
    [{}, 'one of filename and directory'],
    [{ filename: 'a', directory: 'b' }, 'one of filename and directory'],
    [{ filename: '' }, 'one of filename and directory'],
    [{ filename: 7 }, 'one of filename and directory'],
    [{ filename: 'a', watch: 'yes' }, 'watch: expected true or false'],
    [{ filename: 'a', debounceMs: -1 }, 'debounceMs'],
    [{ filename: 'a', maxBytes: 0 }, 'maxBytes'],
    [{ file: 'a' }, 'there is no option file'],
  ])('%o are refused', (options, message) => {
    expect(() => new FileProvider(options as FileProviderOptions)).toThrow(
      expect.objectContaining({ code: 'PROXY_OPTION_INVALID', message: expect.stringContaining(message) }),
    )
  })
})
