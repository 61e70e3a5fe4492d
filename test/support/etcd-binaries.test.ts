import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type EtcdPrograms, type EtcdSearch, findEtcdInstalled, searchEtcd } from './etcd-binaries.js'
import { type EtcdSource, releaseSource } from './etcd-sources.js'

let folder: string
let cacheFolder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcd-binaries-'))
  cacheFolder = join(folder, 'cache')
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

test('ETCD_BIN names the program', async () => {
  const bin = await fakePrograms('bin', { etcd: 'my-etcd' })
  const programs = await searchEtcd(search({ ETCD_BIN: join(bin, 'my-etcd') }))
  expect(programs).toEqual({ etcd: join(bin, 'my-etcd'), etcdctl: join(bin, 'etcdctl') })
})

test('ETCD_BIN names the folder, and comes before PATH', async () => {
  const bin = await fakePrograms('bin')
  const programs = await searchEtcd(search({ ETCD_BIN: bin, PATH: await fakePrograms('other') }))
  expect(programs).toEqual({ etcd: join(bin, 'etcd'), etcdctl: join(bin, 'etcdctl') })
})

test('an ETCD_BIN that cannot be used is not replaced by another etcd', async () => {
  const env = { ETCD_BIN: join(folder, 'nothing'), PATH: await fakePrograms('bin') }
  const source = fakeSource('never')
  await expect(searchEtcd(search(env, [source]))).rejects.toThrow(/ETCD_BIN=.*nothing: does not exist/)
  expect(source.fetch).not.toHaveBeenCalled()
  expect(await findEtcdInstalled(search(env))).toBeUndefined()
})

test('an etcd before 3.4 is refused', async () => {
  const bin = await fakePrograms('bin', { version: '3.3.25' })
  await expect(searchEtcd(search({ ETCD_BIN: bin }))).rejects.toThrow('is 3.3.25, older than 3.4')
})

test('PATH is looked through, folder by folder', async () => {
  const bin = await fakePrograms('bin')
  const PATH = `${join(folder, 'missing')}:${bin}`
  const programs = { etcd: join(bin, 'etcd'), etcdctl: join(bin, 'etcdctl') }
  expect(await searchEtcd(search({ PATH }))).toEqual(programs)
  expect(await findEtcdInstalled(search({ PATH }))).toEqual(programs)
})

test('the cache is filled by one of several that ask at once, and then needs no download', async () => {
  const source = fakeSource('a source')
  const found = await Promise.all([1, 2, 3].map(() => searchEtcd(search({}, [source]))))
  expect(source.fetch).toHaveBeenCalledTimes(1)
  expect(new Set(found.map((programs) => programs.etcd)).size).toBe(1)
  expect(await findEtcdInstalled(search({}))).toEqual(found[0])
  expect(await readdir(cacheFolder)).toEqual([`${process.platform}-${process.arch}`])
})

test('a download that fails leaves nothing, and the next source is asked', async () => {
  const broken: EtcdSource = { name: 'broken', fetch: () => Promise.reject(new Error('no network')) }
  expect(await findEtcdInstalled(search({}, [fakeSource('unasked')]))).toBeUndefined()
  await expect(searchEtcd(search({}, [broken]))).rejects.toThrow('broken: no network')
  expect(await readdir(cacheFolder)).toEqual([])
  const programs = await searchEtcd(search({}, [broken, fakeSource('good')]))
  expect(basename(programs.etcd)).toBe('etcd')
})

test('the lock of a process that died does not stand in the way', async () => {
  await mkdir(cacheFolder)
  await writeFile(join(cacheFolder, 'lock'), String(spawnSync('true').pid))
  await expect(searchEtcd(search({}, [fakeSource('a source')]))).resolves.toBeDefined()
})

test('where there is no etcd, one sentence says what to do and what was tried', async () => {
  const bin = await fakePrograms('bin')
  await rm(join(bin, 'etcdctl'))
  const broken: EtcdSource = { name: 'broken', fetch: () => Promise.reject(new Error('no network')) }
  const cached = join(cacheFolder, `${process.platform}-${process.arch}`)
  await expect(searchEtcd(search({ PATH: bin }, [broken]))).rejects.toThrow(
    'There is no etcd to test with: install etcd 3.4 or newer together with etcdctl, or set ETCD_BIN to ' +
      'the path of the program or of its folder (tried ETCD_BIN: not set; PATH: has no etcdctl; ' +
      `${cached}: there is no program ${join(cached, 'etcd')}; broken: no network).`,
  )
})

test.runIf(process.platform === 'linux')('a release is verified against its own list of sums', async () => {
  const bin = await fakePrograms('etcd-v9.9.9')
  spawnSync('tar', ['-czf', join(folder, 'archive'), '-C', folder, basename(bin)])
  const archive = await readFile(join(folder, 'archive'))
  const sum = createHash('sha256').update(archive).digest('hex')
  expect(basename((await searchRelease(archive, sum)).etcd)).toBe('etcd')

  await rm(cacheFolder, { recursive: true })
  archive[20]! ^= 1
  await expect(searchRelease(archive, sum)).rejects.toThrow(/is damaged: its SHA-256 is \w+, not \w+/)
  await expect(searchRelease(archive, sum, 404)).rejects.toThrow('answered 404')
})

/** A search among releases that a local server has. */
async function searchRelease(archive: Buffer, sum: string, status = 200): Promise<EtcdPrograms> {
  const name = `etcd-v9.9.9-linux-${process.arch === 'x64' ? 'amd64' : 'arm64'}.tar.gz`
  const server = createServer((req, res) => {
    res.writeHead(status, { connection: 'close' })
    res.end(req.url === '/v9.9.9/SHA256SUMS' ? `${'0'.repeat(64)}  other.zip\n${sum}  ${name}\n` : archive)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    return await searchEtcd(search({}, [releaseSource('v9.9.9', `http://127.0.0.1:${port}`)]))
  } finally {
    server.close()
  }
}

function search(env: NodeJS.ProcessEnv, sources: readonly EtcdSource[] = []): EtcdSearch {
  return { env, cacheFolder, sources }
}

async function fakePrograms(name: string, { etcd = 'etcd', version = '3.5.0' } = {}): Promise<string> {
  const bin = join(folder, name)
  await writePrograms(bin, etcd, version)
  return bin
}

async function writePrograms(bin: string, etcd = 'etcd', version = '3.5.0'): Promise<void> {
  await mkdir(bin, { recursive: true })
  for (const program of [etcd, 'etcdctl']) {
    await writeFile(join(bin, program), `#!/bin/sh\necho "etcd Version: ${version}"\n`)
    await chmod(join(bin, program), 0o755)
  }
}

function fakeSource(name: string) {
  return {
    name,
    fetch: vi.fn(async (work: string) => {
      await writePrograms(work)
      return work
    }),
  }
}
