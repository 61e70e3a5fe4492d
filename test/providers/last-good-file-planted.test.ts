import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LastGoodFile, type ProviderConfig } from 'switchover'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../support/next-event.js'

const document = (version: string): ProviderConfig => ({
  version,
  frontends: { web: { backend: 'web', rule: 'Host:a.test' } },
  backends: { web: { servers: { one: { url: 'http://127.0.0.1:1' } } } },
})
const savedAt = '2026-01-02T03:04:05.678Z'
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

let folder: string
let path: string
let victim: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planted-'))
  await mkdir(join(folder, 'kept'), { mode: 0o700 })
  path = join(folder, 'kept', 'last-good.json')
  victim = join(folder, 'victim')
  await writeFile(victim, 'of somebody else')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const save = (version = '1') => new LastGoodFile(path).save('etcd', { document: document(version), savedAt })
const load = () => new LastGoodFile(path).load()
const modeOf = async (file: string) => (await stat(file)).mode & 0o777

/** Warnings about folders, from here to the end of the test. */
function warningsOf(): string[] {
  const found: string[] = []
  const note = (warning: Error) => void (warning.name === 'SwitchoverWarning' && found.push(warning.message))
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  return found
}

/** Warnings are given on the next tick, and in order: after this one all before it have been. */
async function warningsAreOut(): Promise<void> {
  let isOut = false
  const note = ({ message }: Error) => {
    isOut ||= message === 'the last one'
  }
  process.on('warning', note)
  process.emitWarning('the last one')
  await eventually(() => isOut, 'the warnings are out')
  process.off('warning', note)
}

describe('something was planted beside the last good file', () => {
  it('a link of the name that was used before leads no byte anywhere', async () => {
    await symlink(victim, `${path}.${process.pid}.new`)
    await save()
    expect(await readFile(victim, 'utf8')).toBe('of somebody else')
    expect((await load()).get('etcd')?.document.version).toBe('1')
  })

  it('a file of the name that was used before keeps its mode to itself', async () => {
    const planted = `${path}.${process.pid}.new`
    await writeFile(planted, '')
    await chmod(planted, 0o666)
    await save()
    expect(await modeOf(path)).toBe(0o600)
  })

  it('the name is another one each time', async () => {
    const names = new Set<string>()
    const stop = new AbortController()
    const watching = (async () => {
      while (!stop.signal.aborted)
        for (const name of await readdir(join(folder, 'kept'))) if (name.endsWith('.new')) names.add(name)
    })()
    for (let nth = 0; nth < 200 && names.size < 2; nth++) await save(String(nth))
    stop.abort()
    await watching
    expect(names.size).toBeGreaterThan(1)
    for (const name of names) expect(name).toMatch(/^last-good\.json\.[0-9a-f]{16}\.new$/)
  })
})

describe('something was planted in the place of the last good file', () => {
  it('a link is replaced, what it leads to stays', async () => {
    await symlink(victim, path)
    await save()
    expect((await lstat(path)).isSymbolicLink()).toBe(false)
    expect(await readFile(victim, 'utf8')).toBe('of somebody else')
    expect(await modeOf(path)).toBe(0o600)
    expect((await load()).get('etcd')?.document.version).toBe('1')
  })

  it('a link that leads nowhere is replaced', async () => {
    await symlink(join(folder, 'nothing'), path)
    await save()
    expect(await readdir(folder)).not.toContain('nothing')
    expect((await load()).get('etcd')?.document.version).toBe('1')
  })

  it('a link is not read, also where it leads to a file of ours', async () => {
    await save()
    const other = join(folder, 'other')
    await link(path, other)
    await rm(path)
    await symlink(other, path)
    await expect(load()).rejects.toMatchObject({
      code: 'PROXY_CACHE_INVALID',
      message: `${path}: it is a link, which is not followed`,
    })
  })

  it('a file that everybody may write is not read; the next save mends it', async () => {
    await save()
    await chmod(path, 0o646)
    await expect(load()).rejects.toMatchObject({
      code: 'PROXY_CACHE_INVALID',
      message: expect.stringContaining('every user may write to it (mode 646)'),
    })
    await save('2')
    expect(await modeOf(path)).toBe(0o600)
    expect((await load()).get('etcd')?.document.version).toBe('2')
  })

  it('one that its group may write is read: volumes of Kubernetes are so', async () => {
    await save()
    await chmod(path, 0o660)
    expect((await load()).size).toBe(1)
  })

  it.runIf(isRoot)('a file of another user is not read; the next save mends it', async () => {
    await save()
    await chown(path, NOBODY, NOBODY)
    await expect(load()).rejects.toMatchObject({
      code: 'PROXY_CACHE_INVALID',
      message: expect.stringContaining(`it belongs to user ${NOBODY}, not to user 0 or root`),
    })
    await save('2')
    expect((await load()).get('etcd')?.document.version).toBe('2')
  })
})

describe('the folder of the last good file', () => {
  it.each([
    [0o777, 'other users may write to it (mode 777)'],
    [0o775, 'other users may write to it (mode 775)'],
  ])('of mode %o is told once', async (mode, flaw) => {
    await chmod(join(folder, 'kept'), mode)
    const warnings = warningsOf()
    const file = new LastGoodFile(path)
    await file.load()
    await file.save('etcd', { document: document('1'), savedAt })
    await file.save('etcd', { document: document('2'), savedAt })
    await warningsAreOut()
    expect(warnings).toEqual([
      `the folder of the last good file, ${join(folder, 'kept')}: ${flaw}; a user who can write there can have a configuration served`,
    ])
  })

  it.runIf(isRoot)('of another user is told', async () => {
    await chown(join(folder, 'kept'), NOBODY, NOBODY)
    const warnings = warningsOf()
    await save()
    await warningsAreOut()
    expect(warnings).toEqual([expect.stringContaining(`it belongs to user ${NOBODY}`)])
  })

  it.each([0o700, 0o755, 0o1777])('of mode %o is not', async (mode) => {
    await chmod(join(folder, 'kept'), mode)
    const warnings = warningsOf()
    await save()
    await load()
    await warningsAreOut()
    expect(warnings).toEqual([])
  })

  it('that is missing ends nothing', async () => {
    path = join(folder, 'missing', 'last-good.json')
    const warnings = warningsOf()
    expect(await load()).toEqual(new Map())
    await expect(save()).rejects.toMatchObject({ code: 'PROXY_CACHE_FAILED' })
    await warningsAreOut()
    expect(warnings).toEqual([])
  })

  it('is cleared of what processes that died left, and of nothing else', async () => {
    const beside = (name: string) => join(folder, 'kept', name)
    const old = new Date(Date.now() - 3_600_000)
    const names = ['last-good.json.0123456789abcdef.new', 'last-good.json.4711.new']
    const others = ['last-good.json.new', 'last-good.json.x.new', 'app.json.0123456789abcdef.new']
    for (const name of [...names, ...others]) {
      await (await open(beside(name), 'w')).close()
      await utimes(beside(name), old, old)
    }
    const young = 'last-good.json.fedcba9876543210.new'
    await writeFile(beside(young), 'of a process that writes now')
    await symlink(victim, beside('last-good.json.1.new'))
    await save()
    const left = [...others, young, 'last-good.json', 'last-good.json.1.new'].sort()
    expect((await readdir(join(folder, 'kept'))).sort()).toEqual(left)
    expect(await readFile(victim, 'utf8')).toBe('of somebody else')
  })
})
