import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inScratchFolder, locked, publish } from './etcd-cache.js'
import { etcdEnvironment, reasonOf, run } from './etcd-run.js'
import { aptSource, type EtcdSource, releaseSource } from './etcd-sources.js'

export interface EtcdPrograms {
  readonly etcd: string
  readonly etcdctl: string
}

/** Where to look for etcd. */
export interface EtcdSearch {
  readonly env: NodeJS.ProcessEnv
  readonly cacheFolder: string
  readonly sources: readonly EtcdSource[]
}

const project: EtcdSearch = {
  env: process.env,
  cacheFolder: fileURLToPath(new URL('../../.cache/etcd', import.meta.url)),
  sources: [aptSource, releaseSource()],
}

let found: Promise<EtcdPrograms> | undefined

/** The etcd to test with: an installed one, else one downloaded into `.cache`. Looks once per process. */
export function findEtcd(): Promise<EtcdPrograms> {
  found ??= searchEtcd(project)
  return found
}

/** The etcd that is there without downloading anything, if any. */
export function findEtcdInstalled(search = project): Promise<EtcdPrograms | undefined> {
  return searchInstalled(search, [])
}

/** `findEtcd` in other places. */
export async function searchEtcd(search: EtcdSearch): Promise<EtcdPrograms> {
  const tried: string[] = []
  const installed = await searchInstalled(search, tried)
  if (installed) return installed
  // Whoever names an etcd wants that one, or to be told: another version would give other results.
  const downloaded = search.env['ETCD_BIN'] ? undefined : await fillCache(search, tried)
  if (downloaded) return downloaded
  throw new Error(
    'There is no etcd to test with: install etcd 3.4 or newer together with etcdctl, or set ETCD_BIN to ' +
      `the path of the program or of its folder (tried ${tried.join('; ')}).`,
  )
}

async function searchInstalled(search: EtcdSearch, tried: string[]): Promise<EtcdPrograms | undefined> {
  const { ETCD_BIN: named } = search.env
  if (named) return attempt(`ETCD_BIN=${named}`, tried, () => beside(named))
  tried.push('ETCD_BIN: not set')
  return (
    (await attempt('PATH', tried, () => onPath(search.env['PATH'] ?? ''))) ??
    (await attempt(binFolder(search), tried, () => usable(binFolder(search))))
  )
}

/** Only one process at a time gets here, and finds what the one before it may have got. */
function fillCache(search: EtcdSearch, tried: string[]): Promise<EtcdPrograms | undefined> {
  return locked(search.cacheFolder, async () => {
    const filled = await attempt(binFolder(search), [], () => usable(binFolder(search)))
    if (filled) return filled
    for (const source of search.sources) {
      const programs = await attempt(source.name, tried, () => fillFrom(source, search))
      if (programs) return programs
    }
    return undefined
  })
}

function fillFrom(source: EtcdSource, search: EtcdSearch): Promise<EtcdPrograms> {
  const target = binFolder(search)
  process.stderr.write(`etcd for the tests: downloading (${source.name}) to ${target} ...\n`)
  return inScratchFolder(search.cacheFolder, async (scratch) => {
    const folder = await source.fetch(scratch)
    await usable(folder)
    await publish(folder, ['etcd', 'etcdctl'], target)
    return usable(target)
  })
}

/** By platform, for a working copy may be shared between a machine and its containers. */
function binFolder({ cacheFolder }: EtcdSearch): string {
  return join(cacheFolder, `${process.platform}-${process.arch}`)
}

async function attempt<T>(name: string, tried: string[], look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    tried.push(`${name}: ${reasonOf(error)}`)
    return undefined
  }
}

async function beside(named: string): Promise<EtcdPrograms> {
  const path = resolve(named)
  const stats = await stat(path).catch(() => undefined)
  if (!stats) throw new Error('does not exist')
  return stats.isDirectory() ? usable(path) : usable(dirname(path), path)
}

async function onPath(path: string): Promise<EtcdPrograms> {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  const [etcd, etcdctl] = await Promise.all(['etcd', 'etcdctl'].map((name) => firstWith(folders, name)))
  if (!etcd || !etcdctl) throw new Error(`has no ${etcd ? 'etcdctl' : 'etcd'}`)
  await checkVersion(etcd)
  return { etcd, etcdctl }
}

async function firstWith(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = resolve(folder, name)
    if (await isProgram(path)) return path
  }
  return undefined
}

async function usable(folder: string, etcd = join(folder, 'etcd')): Promise<EtcdPrograms> {
  const etcdctl = join(folder, 'etcdctl')
  for (const program of [etcd, etcdctl]) {
    if (!(await isProgram(program))) throw new Error(`there is no program ${program}`)
  }
  await checkVersion(etcd)
  return { etcd, etcdctl }
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** Runs it, which also proves that it can run here. Before 3.4 the JSON gateway is not at `/v3`. */
async function checkVersion(etcd: string): Promise<void> {
  const printed = await run(etcd, ['--version'], { timeoutMs: 10_000, env: etcdEnvironment() })
  const [, version, major, minor] = /^etcd Version: ((\d+)\.(\d+)\S*)/m.exec(printed) ?? []
  if (!version) throw new Error(`${etcd} does not tell its version`)
  if (Number(major) * 1000 + Number(minor) < 3004) throw new Error(`${etcd} is ${version}, older than 3.4`)
}
