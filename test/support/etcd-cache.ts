import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** No download takes longer, so an older lock was left behind. */
const lockMs = 600_000

/**
 * Runs one task at a time among the processes that share a folder, so that of several test workers one
 * downloads and the others find what it got. It saves work and no more: correctness rests on `publish`.
 */
export async function locked<T>(folder: string, task: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true })
  const lock = join(folder, 'lock')
  const deadline = Date.now() + lockMs
  while (!(await tryLock(lock))) {
    if (Date.now() > deadline) throw new Error(`${lock} is still held; remove it if no test is running`)
    await delay(100)
  }
  try {
    return await task()
  } finally {
    await rm(lock, { force: true })
  }
}

async function tryLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (await isAbandoned(lock)) await rm(lock, { force: true })
  return false
}

async function isAbandoned(lock: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(lock)
    const holder = Number(await readFile(lock, 'utf8'))
    // Still empty: its holder is between making and writing it.
    return Date.now() - mtimeMs > lockMs || (holder > 0 && !isAlive(holder))
  } catch {
    return false // released meanwhile
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Runs a task in a new folder below `parent` that is gone afterwards. */
export async function inScratchFolder<T>(parent: string, task: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(parent, 'work-'))
  try {
    return await task(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Copies files of one folder into a new one, which appears under its name at once, and whole. */
export async function publish(from: string, names: readonly string[], target: string): Promise<void> {
  await inScratchFolder(join(target, '..'), async (scratch) => {
    const whole = join(scratch, 'whole')
    await mkdir(whole)
    for (const name of names) await copyFile(join(from, name), join(whole, name))
    await rm(target, { recursive: true, force: true })
    await rename(whole, target)
  })
}
