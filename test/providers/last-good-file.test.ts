import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LastGoodFile, type ProviderConfig } from 'switchover'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const document = (version: string): ProviderConfig => ({
  version,
  frontends: { web: { backend: 'web', rule: 'Host:a.test' } },
  backends: { web: { servers: { 7: { url: 'http://127.0.0.1:7' }, one: { url: 'http://127.0.0.1:1' } } } },
})
const savedAt = '2026-01-02T03:04:05.678Z'

describe('the last good file', () => {
  let folder: string
  let path: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'last-good-'))
    path = join(folder, 'last-good.json')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('gives back what was kept, a section per provider', async () => {
    const file = new LastGoodFile(path)
    await file.save('etcd', { document: document('1'), savedAt })
    await file.save('file', { document: document('2'), savedAt })
    const kept = await new LastGoodFile(path).load()
    expect([...kept.keys()]).toEqual(['etcd', 'file'])
    expect(kept.get('etcd')).toMatchObject({ document: document('1'), savedAt })
  })

  it('keeps the sections of providers that have not delivered in this run', async () => {
    await new LastGoodFile(path).save('etcd', { document: document('1'), savedAt })
    const next = new LastGoodFile(path)
    await next.load()
    await next.save('file', { document: document('2'), savedAt })
    expect([...(await new LastGoodFile(path).load()).keys()].sort()).toEqual(['etcd', 'file'])
  })

  it('holds nothing when there is none', async () => {
    expect(await new LastGoodFile(path).load()).toEqual(new Map())
  })

  it('ends on the newest of many overlapping saves, and leaves nothing beside itself', async () => {
    const file = new LastGoodFile(path)
    const saves = Array.from({ length: 50 }, (_, index) =>
      file.save('etcd', { document: document(String(index)), savedAt }),
    )
    await Promise.all(saves)
    expect((await new LastGoodFile(path).load()).get('etcd')?.document.version).toBe('49')
    expect(await readdir(folder)).toEqual(['last-good.json'])
  })

  it.each([
    ['cut', (text: string) => text.slice(0, -20), /not JSON/],
    ['empty', () => '', /not JSON/],
    ["somebody else's", () => '{"name":"app","providers":{}}', /not a last good file/],
    ['no object', () => 'null', /not a last good file/],
    [
      'of another format of ours',
      (text: string) => text.replace(', 1"', ', 2"'),
      /expected a file of the format/,
    ],
    [
      'nested too deep',
      (text: string) => text.replace('"version":"1"', `"version":${'['.repeat(1e5)}${']'.repeat(1e5)}`),
      /does not match/,
    ],
    [
      'edited by hand',
      (text: string) => text.replace('127.0.0.1:1', '127.0.0.1:2'),
      /"etcd" does not match its checksum/,
    ],
    [
      'a section short of its document',
      (text: string) => text.replace('"document"', '"documnt"'),
      /does not match/,
    ],
  ])('is refused when it is %s', async (_what, spoil, message) => {
    await new LastGoodFile(path).save('etcd', { document: document('1'), savedAt })
    await writeFile(path, spoil(await readFile(path, 'utf8')))
    const loading = new LastGoodFile(path).load()
    await expect(loading).rejects.toMatchObject({
      code: 'PROXY_CACHE_INVALID',
      message: expect.stringMatching(message),
    })
  })

  it.each([
    ["somebody else's", '{"compilerOptions":{}}'],
    ['no JSON', 'the shopping list'],
    ['nearly ours', '{"format":"switchover last good recipes, 1"}'],
  ])('is never written over what is %s, also if nobody looked before', async (_what, content) => {
    await writeFile(path, content)
    const saving = new LastGoodFile(path).save('etcd', { document: document('1'), savedAt })
    await expect(saving).rejects.toMatchObject({
      code: 'PROXY_CACHE_FAILED',
      message: expect.stringContaining(
        `${path}: it is not a last good file of switchover, so it is left alone`,
      ),
    })
    expect(await readFile(path, 'utf8')).toBe(content)
    expect(await readdir(folder)).toEqual(['last-good.json'])
  })

  it('takes the place of one of ours that is damaged, laid out anew, or of another version', async () => {
    await new LastGoodFile(path).save('etcd', { document: document('1'), savedAt })
    const whole = await readFile(path, 'utf8')
    const laidOut = JSON.stringify(JSON.parse(whole), undefined, 4)
    for (const content of [
      '',
      whole.slice(0, 5),
      whole.slice(0, -5),
      whole.replace(', 1"', ', 2"'),
      laidOut,
    ]) {
      await writeFile(path, content)
      await new LastGoodFile(path).save('etcd', { document: document('2'), savedAt })
      expect((await new LastGoodFile(path).load()).get('etcd')?.document.version).toBe('2')
    }
  })

  it('is neither read from nor written over what is no regular file', async () => {
    for (const special of [folder, '/dev/null']) {
      const loading = new LastGoodFile(special).load()
      await expect(loading).rejects.toMatchObject({ code: 'PROXY_CACHE_INVALID' })
      const saving = new LastGoodFile(special).save('etcd', { document: document('1'), savedAt })
      await expect(saving).rejects.toMatchObject({ code: 'PROXY_CACHE_FAILED' })
      expect((await stat(special)).isFile()).toBe(false)
    }
  })

  it('keeps what comes while a write that will fail is under way', async () => {
    let written = 0
    const unwritable = {
      ...document('1'),
      toJSON() {
        written += 1
        // Its checksum can be had; when the file is written it cannot.
        if (written > 1) throw new Error('the disk is full')
        return document('1')
      },
    }
    const file = new LastGoodFile(path)
    const first = file.save('etcd', { document: unwritable, savedAt })
    const second = file.save('etcd', { document: document('2'), savedAt })
    await Promise.all([first, second])
    expect((await new LastGoodFile(path).load()).get('etcd')?.document.version).toBe('2')
  })

  it('says so when it cannot be written, and works again when it can', async () => {
    const inNoFolder = new LastGoodFile(join(folder, 'missing', 'last-good.json'))
    const saving = inNoFolder.save('etcd', { document: document('1'), savedAt })
    await expect(saving).rejects.toMatchObject({ code: 'PROXY_CACHE_FAILED' })
  })
})
