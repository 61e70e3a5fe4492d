import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProxy, FileProvider, type FileProviderOptions, type ProviderConfig } from 'switchover'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { nextEvent } from '../../support/next-event.js'
import { RecordingSink } from '../../support/recording-sink.js'

/** Called before the product looks at a file, and before it opens one. */
const beforeCall = vi.hoisted(() => ({
  stat: async (_path: string): Promise<void> => {},
  open: async (_path: string): Promise<void> => {},
}))

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs/promises')>()
  return {
    ...fs,
    stat: async (path: string, options: undefined) => {
      await beforeCall.stat(path)
      return fs.stat(path, options)
    },
    open: async (path: string, flags: number) => {
      await beforeCall.open(path)
      return fs.open(path, flags)
    },
  }
})

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'file-attack-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function start(options: FileProviderOptions, sink = new RecordingSink()): Promise<RecordingSink> {
  const provider = new FileProvider(options)
  onTestFinished(() => provider.stop())
  await provider.start(sink)
  return sink
}

const toml = (version: string, name = 'web') => `
version = "${version}"
[backends.${name}.servers.one]
url = "http://127.0.0.1:9"
[frontends.${name}]
backend = "${name}"
[frontends.${name}.routes.main]
rule = "Host:a.test"
`
const delivered = (version: string) => (sink: RecordingSink) => sink.versions.at(-1) === version
const saidSomething = ({ said }: RecordingSink) => said.length > 0
const last = (sink: RecordingSink): ProviderConfig => sink.of('update').at(-1)?.config as ProviderConfig
const LIMIT = 30_000

/** Runs a program of its own, ended after a limit. What it printed, and how it ended. */
async function child(
  program: string,
  limitMs: number,
): Promise<{ out: string; code: number | null; signal: string | null }> {
  const source = `import { FileProvider } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)}\n${program}`
  const run = spawn(
    process.execPath,
    ['--max-old-space-size=1500', '--import', 'tsx', '--input-type=module', '-e', source],
    {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let out = ''
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (chunk) => (out += chunk))
  const timer = setTimeout(() => run.kill('SIGKILL'), limitMs)
  const [code, signal] = await once(run, 'close')
  clearTimeout(timer)
  return { out, code, signal }
}

describe('outages', () => {
  it('an outage that ends with a file that is too large is told to have ended', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    const sink = await start({ filename, maxBytes: 1_000 })
    await sink.until('an outage', ({ isUnavailable }) => isUnavailable)
    await writeFile(filename, `# ${'x'.repeat(2_000)}`)
    await sink.until('it is refused', (it) => it.of('reject').length > 0, LIMIT)
    await writeFile(filename, toml('v1'))
    await sink.until('v1', delivered('v1'), LIMIT)
    expect(sink.isUnavailable).toBe(false)
  })

  it('a file that is too large is not read anew each second', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, `# ${'x'.repeat(2_000)}`)
    const sink = await start({ filename, maxBytes: 1_000 })
    await expect(sink.until('told twice', (it) => it.of('reject').length > 1, 2_500)).rejects.toThrow(
      'not within',
    )
  })

  it('a document of a folder that is renamed in it is no outage', async () => {
    const directory = await temporaryFolder()
    for (let i = 0; i < 300; i += 1) await writeFile(join(directory, `f${i}.toml`), toml('v1', `f${i}`))
    const sink = await start({ directory })
    await sink.until('v1', delivered('v1'))
    for (let i = 0; i < 300; i += 1)
      await rename(join(directory, `f${i}.toml`), join(directory, `g${i}.toml`))
    await sink.until('again', (it) => it.of('update').length > 1, LIMIT)
    expect(sink.outages).toBe(0)
  })

  it.each([
    ['looked at', 'stat'],
    ['read', 'open'],
  ] as const)(
    'a document of a folder that is renamed each time before it is %s is no outage',
    async (_, call) => {
      const directory = await temporaryFolder()
      let name = 'f0.toml'
      await writeFile(join(directory, name), toml('v1'))
      let renames = 0
      beforeCall[call] = async (path) => {
        if (path !== join(directory, name) || renames === 8) return
        const next = `f${++renames}.toml`
        await rename(join(directory, name), join(directory, next))
        name = next
      }
      onTestFinished(() => {
        beforeCall[call] = async () => {}
      })
      const sink = await start({ directory, debounceMs: 5 })
      await sink.until('v1', delivered('v1'), LIMIT)
      expect(renames).toBe(8)
      expect(sink.of('unavailable')).toEqual([])
    },
  )

  it('a link of a folder that leads nowhere is an outage', async () => {
    const directory = await temporaryFolder()
    await symlink('nowhere.toml', join(directory, 'a.toml'))
    const sink = await start({ directory, debounceMs: 5 })
    await sink.until('an outage', ({ isUnavailable }) => isUnavailable, LIMIT)
  })

  it('a file that may not be read any more is an outage', async () => {
    const folder = await temporaryFolder()
    await chmod(folder, 0o777)
    const filename = join(folder, 'rules.toml')
    await writeFile(filename, toml('v1'), { mode: 0o666 })
    const { out } = await child(
      `import { chmodSync, chownSync } from 'node:fs'
      const f = ${JSON.stringify(filename)}
      chownSync(f, 65534, 65534); process.setuid(65534)
      setTimeout(() => { console.log('nothing told'); process.exit() }, 30_000)
      await new FileProvider({ filename: f }).start({
        update: async () => { console.log('delivered'); chmodSync(f, 0) }, reject() {}, recovered() {},
        unavailable: () => { console.log('unavailable'); process.exit() } })`,
      60_000,
    )
    expect(out).toContain('unavailable')
  })
})

describe('what stands in the file', () => {
  it('of the same size and time as before is seen', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v1'))
    await utimes(filename, 1, 1)
    const sink = await start({ filename })
    await sink.until('v1', delivered('v1'))
    execFileSync('sh', ['-c', `printf '%s' "$2" > "$1" && touch -d @1 "$1"`, 'sh', filename, toml('v2')])
    await sink.until('v2', delivered('v2'), LIMIT)
  })

  it('being written with an old time is not read half', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v1'))
    const sink = await start({ filename, debounceMs: 1_000 })
    await sink.until('v1', delivered('v1'))
    // As on a disk over the network whose clock is behind.
    execFileSync('sh', [
      '-c',
      `printf '%s' "$2" > "$1" && touch -d '-3 seconds' "$1"`,
      'sh',
      filename,
      toml('half'),
    ])
    await expect(sink.until('half', delivered('half'), 700)).rejects.toThrow('not within')
  })

  it('/dev/zero in its place does not eat all memory', async () => {
    const filename = join(await temporaryFolder(), 'rules.yaml')
    await symlink('/dev/zero', filename)
    const { out } = await child(
      `setInterval(() => { const { rss } = process.memoryUsage(); if (rss > 700e6) { console.log('rss over 700 MB'); process.kill(process.pid, 'SIGKILL') } }, 20)
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 30_000)
      const done = (w) => { console.log(w); process.exit() }
      await new FileProvider({ filename: ${JSON.stringify(filename)}, maxBytes: 1000 }).start({ update: async () => done('update'), reject: () => done('refused'), unavailable: () => done('unavailable'), recovered() {} })`,
      60_000,
    )
    expect(out).toMatch(/refused|unavailable/)
  })

  it('a fifo in its place is told, and the file that comes after it is delivered', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    execFileSync('mkfifo', [filename])
    const { out, signal } = await child(
      `import { renameSync, writeFileSync } from 'node:fs'
      const f = ${JSON.stringify(filename)}
      const p = new FileProvider({ filename: f })
      const late = setTimeout(() => p.stop(), 30_000)
      const done = async (w) => { console.log(w); clearTimeout(late); await p.stop() }
      await p.start({ update: async () => done('delivered'), reject: (e) => console.log(e.message), unavailable: (e) => console.log(e.message), recovered() {} })
      setTimeout(() => { writeFileSync(f + '~', ${JSON.stringify(toml('v1'))}); renameSync(f + '~', f) }, 300)`,
      60_000,
    )
    expect({ delivered: out.includes('delivered'), signal }).toEqual({ delivered: true, signal: null })
  })
})

describe('a fifo', () => {
  it('does not keep process.exit from ending the process', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    execFileSync('mkfifo', [filename])
    const { signal } = await child(
      `await new FileProvider({ filename: ${JSON.stringify(filename)} }).start({ update: async () => {}, reject() {}, unavailable() {}, recovered() {} })
      setTimeout(() => process.exit(0), 200)`,
      60_000,
    )
    expect(signal).toBe(null)
  })
})

describe('starting and stopping', () => {
  it('a start after a stop during debounce delivers to the new sink, and tells no trouble', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v1'))
    const provider = new FileProvider({ filename, debounceMs: 500 })
    onTestFinished(() => provider.stop())
    const old = new RecordingSink()
    const fresh = new RecordingSink()
    await provider.start(old)
    await provider.stop()
    await provider.start(fresh)
    await fresh.until('v1', delivered('v1'), LIMIT).catch(() => {})
    expect([old.said.map(({ what }) => what), fresh.versions]).toEqual([[], ['v1']])
  })

  it('a start after a stop during a read delivers to the new sink', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v1'))
    await utimes(filename, 1, 1)
    const provider = new FileProvider({ filename })
    onTestFinished(() => provider.stop())
    const old = new RecordingSink()
    const fresh = new RecordingSink()
    await provider.start(old)
    await provider.stop()
    await provider.start(fresh)
    await fresh.until('v1', delivered('v1'), LIMIT).catch(() => {})
    expect([old.versions, fresh.versions]).toEqual([[], ['v1']])
  })

  it('a start after an outage and a stop ends with the document, and no outage left over', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    const provider = new FileProvider({ filename })
    onTestFinished(() => provider.stop())
    const old = new RecordingSink()
    await provider.start(old)
    await old.until('outage', ({ isUnavailable }) => isUnavailable)
    await provider.stop()
    await writeFile(filename, toml('v1'))
    const fresh = new RecordingSink()
    await provider.start(fresh)
    await fresh.until('v1', delivered('v1'), LIMIT)
    expect(fresh.said.map(({ what }) => what)).toEqual(['update'])
  })
})

describe('a folder', () => {
  async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
    const directory = await temporaryFolder()
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
    return directory
  }

  it('with two links to itself is listed in a moment', async () => {
    const directory = await folderOf({ 'a.toml': toml('v1') })
    await symlink('.', join(directory, 'l1'))
    await symlink('.', join(directory, 'l2'))
    const { out } = await child(
      `let mem = setInterval(() => { if (process.memoryUsage().rss > 900e6) { console.log('rss over 900 MB'); process.kill(process.pid, 'SIGKILL') } }, 20)
      const done = (w) => { console.log(w); process.exit() }
      await new FileProvider({ directory: ${JSON.stringify(directory)} }).start({ update: async () => done('delivered'), reject: (e) => done('refused ' + e.message.slice(0, 200)), unavailable: (e) => done('unavailable ' + e.message), recovered() {} })`,
      60_000,
    )
    expect(out).toContain('delivered')
  })

  it.each([
    ['an empty YAML file', 'b.yaml', '# nothing yet\n'],
    ['null', 'b.json', 'null'],
    ['null frontends', 'b.yaml', 'frontends:\nbackends:\n'],
  ])('with %s is no error of ours', async (_, name, text) => {
    const directory = await folderOf({ 'a.toml': toml('v1'), [name]: text })
    const sink = await start({ directory })
    await sink.until('something', saidSomething)
    const code = sink.of('reject')[0]?.error.code
    expect(
      sink.of('update').length === 1 || code === 'PROXY_CONFIG_UNUSABLE' || code === 'PROXY_CONFIG_INVALID',
    ).toBe(true)
  })

  it.each([
    ['a number', 'b.json', '7'],
    ['true', 'b.yaml', 'yes it is'],
    ['a list', 'b.json', '["x"]'],
    ['frontends = 1', 'b.toml', 'frontends = 1'],
    ['frontends = "ab"', 'b.toml', 'frontends = "ab"'],
    ['frontends = []', 'b.toml', 'frontends = []'],
    ['backends = [{}]', 'b.toml', 'backends = [{}]'],
  ])('with %s in one file is refused by that file’s name', async (_, name, text) => {
    const directory = await folderOf({ 'a.toml': toml('v1'), [name]: text })
    const proxy = createProxy({ providers: [new FileProvider({ directory })] })
    onTestFinished(() => proxy.close())
    const refused = nextEvent(proxy, 'configRejected')
    proxy.ready({ timeoutMs: 60_000 }).catch(() => {})
    await refused
    await expect(proxy.ready({ timeoutMs: 1 })).rejects.toThrow(/b\.(json|yaml|toml)/)
  })

  it('with different versions in two files does not drop one of them silently', async () => {
    const directory = await folderOf({ 'a.toml': toml('v1', 'a'), 'b.toml': toml('v2', 'b') })
    const sink = await start({ directory })
    await sink.until('something', saidSomething)
    expect(sink.versions).not.toEqual(['v2'])
  })

  it('with a file that is one text of a million letters is refused in a moment, in few words', async () => {
    const directory = await folderOf({
      'a.toml': toml('v1'),
      'b.json': JSON.stringify('x'.repeat(1_000_000)),
    })
    const { documentOf } = await import('../../../src/providers/file/merge-files.js')
    const { readFile } = await import('node:fs/promises')
    const files = await Promise.all(
      ['a.toml', 'b.json'].map(async (name) => ({ name, bytes: await readFile(join(directory, name)) })),
    )
    const merged = await documentOf(files).catch(() => ({}))
    expect(Object.keys(merged as object).length).toBeLessThan(10)
  })

  it('in which a folder has the name of a document goes on being read', async () => {
    const directory = await folderOf({ 'a.toml': toml('v1') })
    await mkdir(join(directory, 'conf.yaml'))
    const sink = await start({ directory })
    await sink.until('something', saidSomething)
    expect(sink.said.map((s) => (s.what === 'unavailable' ? s.error.message : s.what))).toEqual(['update'])
  })

  it('in which a name is no UTF-8 is read', async () => {
    const directory = await folderOf({ 'a.toml': toml('v1') })
    await writeFile(
      Buffer.concat([Buffer.from(`${directory}/b`), Buffer.from([0xff]), Buffer.from('.toml')]),
      toml('v1', 'b'),
    )
    const sink = await start({ directory })
    await sink.until('something', saidSomething)
    expect(sink.said.map((s) => (s.what === 'unavailable' ? s.error.message : s.what))).toEqual(['update'])
  })

  it('with a hidden folder that may not be listed is read', async () => {
    const directory = await folderOf({ 'a.toml': toml('v1') })
    await chmod(directory, 0o755)
    await mkdir(join(directory, '.git'), { mode: 0o700 })
    const { out } = await child(
      `process.setuid(65534)
      const done = (w) => { console.log(w); process.exit() }
      await new FileProvider({ directory: ${JSON.stringify(directory)} }).start({ update: async () => done('delivered'), reject: (e) => done(e.message), unavailable: (e) => done(e.message), recovered() {} })`,
      60_000,
    )
    expect(out).toContain('delivered')
  })
})

describe('a proxy of a folder', () => {
  it('tells a refusal that is a ProxyError, with a place', async () => {
    const directory = await temporaryFolder()
    await writeFile(join(directory, 'a.toml'), toml('v1'))
    await writeFile(join(directory, 'b.yaml'), '# nothing yet\n')
    const proxy = createProxy({ providers: [new FileProvider({ directory })] })
    onTestFinished(() => proxy.close())
    const told = await new Promise<{ error: { code?: string; issues?: unknown; message: string } }>(
      (resolve, reject) => {
        proxy.on('configRejected', resolve as never)
        proxy
          .ready({ timeoutMs: 30_000 })
          .then(() => resolve({ error: { code: 'PROXY_CONFIG', issues: [], message: 'b.yaml' } }), reject)
      },
    )
    expect({ code: told.error.code, message: told.error.message }).toEqual({
      code: expect.stringContaining('PROXY_CONFIG'),
      message: expect.stringContaining('b.yaml'),
    })
  })

  it('is over its outage when a file too large came in between', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    const proxy = createProxy({ providers: [new FileProvider({ filename, maxBytes: 1_000 })] })
    onTestFinished(() => proxy.close())
    const told = (event: string) =>
      new Promise<unknown>((resolve) => proxy.once(event as never, resolve as never))
    const troubled = told('providerUnavailable')
    const rejected = told('configRejected')
    const recovered = told('providerRecovered')
    void proxy.ready({ timeoutMs: 60_000 }).catch(() => {})
    await troubled
    await writeFile(filename, `# ${'x'.repeat(2_000)}`)
    await rejected
    await writeFile(filename, toml('v1'))
    await proxy.ready({ timeoutMs: 30_000 })
    await expect(
      Promise.race([
        recovered.then(() => 'recovered'),
        new Promise((r) => setTimeout(r, 30_000, 'still troubled')),
      ]),
    ).resolves.toBe('recovered')
  })
})

describe('a proxy with a status page', () => {
  it.each([
    ['an empty YAML file in its folder', 'directory', 'b.yaml', '# nothing yet\n'],
    ['null frontends in its folder', 'directory', 'b.yaml', 'frontends:\n'],
    ['a table constructor', 'filename', 'b.toml', '[constructor]\na = 1\n'],
    ['a table toString in a frontend', 'filename', 'b.toml', '[frontends.f.toString]\na = 1\n'],
  ])('outlives %s', async (_, kind, name, text) => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'a.toml'), toml('v1'))
    await writeFile(join(folder, name), text)
    const at = kind === 'directory' ? folder : join(folder, name)
    const { out, code } = await child(
      `import { createProxy } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)}
      const proxy = createProxy({ providers: [new FileProvider({ ${kind}: ${JSON.stringify(at)} })], status: { address: '127.0.0.1:0' } })
      await proxy.ready({ timeoutMs: 1000 }).catch(() => {})
      await proxy.close()
      console.log('alive')`,
      60_000,
    )
    expect({ alive: out.includes('alive'), code, out: out.slice(-600) }).toMatchObject({
      alive: true,
      code: 0,
    })
  })
})

describe('documents', () => {
  async function saidOf(name: string, text: string): Promise<RecordingSink> {
    const filename = join(await temporaryFolder(), name)
    await writeFile(filename, text)
    const sink = await start({ filename })
    await sink.until('something', saidSomething)
    return sink
  }

  it.each(['constructor', '__proto__', 'toString', 'valueOf'])(
    'with a table %s are told by its place',
    async (name) => {
      const sink = await saidOf('rules.toml', `${toml('v1')}\n[${name}]\na = 1`)
      const [said] = sink.said
      expect(said?.what === 'reject' ? said.error : undefined).toBeUndefined()
      expect(Object.keys(last(sink))).toContain(name)
    },
  )

  it('of YAML with 40,000 frontends leave the event loop its turns', async () => {
    const text = `version: v1\nfrontends:\n${Array.from({ length: 40_000 }, (_, i) => `  f${i}: {backend: b}\n`).join('')}`
    const { parseDocument } = await import('../../../src/providers/parse-document.js')
    // A short one is parsed here, and what parses it is loaded: that takes turns too.
    await parseDocument(Buffer.from('a: 1'), 'yaml', 'x')
    let turns = 0
    let isParsed = false
    const parsing = parseDocument(Buffer.from(text), 'yaml', 'x').finally(() => {
      isParsed = true
    })
    for (; !isParsed; turns++) await new Promise((resolve) => setImmediate(resolve))
    expect(Object.keys(((await parsing) as { frontends: object }).frontends)).toHaveLength(40_000)
    // Parsed between two turns, the loop would have had one or two.
    expect(turns).toBeGreaterThan(20)
  })

  it('of YAML with an unknown tag are refused, with nothing on stderr', async () => {
    const warnings: string[] = []
    const note = (warning: Error) => warnings.push(warning.message)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    await saidOf('rules.yaml', 'version: !secret v1\nfrontends: {}')
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings).toEqual([])
  })

  it('of YAML with an ordered map do not lose what is in it', async () => {
    const sink = await saidOf(
      'rules.yaml',
      '%YAML 1.1\n---\nfrontends: {}\nbackends: !!omap\n- web: {servers: {s: {url: "http://127.0.0.1:9"}}}\n',
    )
    if (sink.of('update').length > 0) expect(Object.keys(last(sink).backends ?? {})).toEqual(['web'])
  })

  it('of YAML may use one default 101 times', async () => {
    const names = Array.from({ length: 101 }, (_, i) => `f${i}`)
    const sink = await saidOf(
      'rules.yaml',
      `version: v1\nfrontends:\n${names.map((n, i) => `  ${n}: {backend: b, entryPoints: ${i === 0 ? '&e [http]' : '*e'}, rule: "Host:${n}"}`).join('\n')}\n  z: {backend: b, entryPoints: *e}\n`,
    )
    expect(sink.said.map((s) => (s.what === 'reject' ? s.error.message : s.what))).toEqual(['update'])
  })
})

/** What it returns ends the looks that are made each second: what is seen from then on was told by the system. */
function endableLooks(): () => void {
  const begun = vi.spyOn(globalThis, 'setInterval')
  onTestFinished(() => begun.mockRestore())
  return () => {
    expect(begun.mock.results).not.toEqual([])
    for (const { value } of begun.mock.results) clearInterval(value as NodeJS.Timeout)
  }
}

describe('the watch of a folder', () => {
  it('follows a link to a folder that is turned, at once from the second change on', async () => {
    const folder = await temporaryFolder()
    for (const release of ['r1', 'r2']) {
      await mkdir(join(folder, release))
      await writeFile(join(folder, release, 'rules.toml'), toml(release))
    }
    await symlink('r1', join(folder, 'current'))
    const endLooks = endableLooks()
    const sink = await start({ filename: join(folder, 'current/rules.toml'), debounceMs: 5 })
    await sink.until('r1', delivered('r1'))
    await symlink('r2', join(folder, 'next'))
    await rename(join(folder, 'next'), join(folder, 'current'))
    await sink.until('r2', delivered('r2'), LIMIT)
    endLooks()
    for (const version of ['a', 'b', 'c']) {
      await writeFile(join(folder, 'next.toml'), toml(version))
      await rename(join(folder, 'next.toml'), join(folder, 'r2/rules.toml'))
      await sink.until(version, delivered(version), LIMIT)
    }
  })

  it('tells no outage of an editor that renames the old file away before it writes the new one', async () => {
    const filename = join(await temporaryFolder(), 'rules.toml')
    await writeFile(filename, toml('v0'))
    const sink = await start({ filename, debounceMs: 5 })
    await sink.until('v0', delivered('v0'))
    for (let i = 1; i <= 20; i += 1) {
      await rename(filename, `${filename}~`)
      await writeFile(filename, toml(`v${i}`))
      await sink.until(`v${i}`, delivered(`v${i}`), LIMIT)
    }
    expect(sink.outages).toBe(0)
  })

  it('without watch goes on while the folder is empty', async () => {
    const directory = await temporaryFolder()
    const sink = await start({ directory, watch: false })
    await sink.until('something', saidSomething)
    await writeFile(join(directory, 'a.toml'), toml('v1'))
    await sink.until('v1', delivered('v1'), LIMIT)
  })

  it('goes on at once when a file whose name ends the folder’s is renamed', async () => {
    const folder = join(await temporaryFolder(), 'rules')
    await mkdir(folder)
    const filename = join(folder, 'a.toml')
    await writeFile(filename, toml('v1'))
    const endLooks = endableLooks()
    const sink = await start({ filename })
    await sink.until('v1', delivered('v1'))
    endLooks()
    await writeFile(`${filename}.2`, toml('v2'))
    const watcher = watch(folder)
    const seen = once(watcher, 'change')
    await writeFile(join(folder, 's'), '')
    await seen
    watcher.close()
    await rename(`${filename}.2`, filename)
    await sink.until('v2', delivered('v2'), LIMIT)
  })
})
