import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    readonly chromium: string
  }
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Finds a Chromium once, before any test. A run without one fails here, and says what to do. */
export default function setup(project: TestProject): void {
  const { CHROMIUM_BIN: named } = process.env
  // Whoever names a browser wants that one, or to be told.
  const found = named ? [named].find(usable) : (onPath() ?? installed())
  if (!found) {
    throw new Error(
      'There is no Chromium to test with: install one (on Debian: apt-get install chromium), or set ' +
        `CHROMIUM_BIN to the path of the program (${named ? `CHROMIUM_BIN=${named} does not run` : `not on PATH: ${NAMES.join(', ')}`}).`,
    )
  }
  project.provide('chromium', found)
}

function onPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(usable)
}

function usable(program: string): boolean {
  return spawnSync(program, ['--version'], { timeout: 20_000 }).status === 0
}

function installed(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return undefined
  process.stderr.write('Chromium for the tests: apt-get install chromium ...\n')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' })
    execFileSync('apt-get', ['install', '-y', '-qq', 'chromium'], { env, stdio: 'ignore' })
  } catch {
    return undefined
  }
  return onPath()
}
