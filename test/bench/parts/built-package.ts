import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Where children find the package; set by `buildPackage`. */
const FOLDER = 'SWITCHOVER_BENCH_PACKAGE'

/**
 * Builds the package as its users get it, into a folder of the bench's own. Not by its name, which under tsx leads to
 * the sources, with a helper call around every closure; and not into `dist`, which may be older than the sources, or
 * vanish in the middle because somebody else builds.
 *
 * @param folder an earlier build to measure instead
 */
export function buildPackage(folder?: string): void {
  const outDir = folder ?? join(root, '.cache/bench/package')
  if (folder === undefined) {
    const options = { cwd: root, stdio: ['ignore', 'ignore', 2] as ['ignore', 'ignore', number] }
    execFileSync(
      join(root, 'node_modules/.bin/rolldown'),
      ['-c', 'src/rolldown.config.js', '-d', outDir],
      options,
    )
  }
  process.env[FOLDER] = outDir
}

/** The package that `buildPackage` chose. */
export async function loadPackage(): Promise<typeof import('switchover')> {
  return import(pathToFileURL(join(process.env[FOLDER] ?? '', 'index.js')).href)
}
