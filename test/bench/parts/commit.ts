import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** A build of the package, and the files that start it in the bench. */
export interface Build {
  /** For people: a short hash, or `working tree`. */
  readonly name: string
  /** The folder with `index.js`. */
  readonly package: string
  /** The folder of the programs that serve it: each commit brings its own, for names of the package change. */
  readonly subjects: string
}

/** Builds the working tree. */
export function buildWorkingTree(): Build {
  return build('working tree', root, join(root, '.cache/bench/package'))
}

/**
 * Builds an earlier commit in a folder of its own, below the repository so that it finds the installed packages.
 * It uses packages of its own where its lock file is another.
 *
 * @throws Error if git does not know the commit
 */
export function buildCommit(commit: string): Build {
  const hash = git('rev-parse', '--short', `${commit}^{commit}`).trim()
  const folder = join(root, '.cache/bench/commits', hash)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync('sh', ['-c', `git archive ${hash} | tar -x -C "$1"`, 'sh', folder], { cwd: root })
  const lock = (at: string) => readFileSync(join(at, 'package-lock.json'), 'utf8')
  if (lock(folder) !== lock(root))
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: folder })
  return build(hash, folder, join(folder, 'dist'))
}

function build(name: string, folder: string, outDir: string): Build {
  const rolldown = join(root, 'node_modules/.bin/rolldown')
  execFileSync(rolldown, ['-c', 'src/rolldown.config.js', '-d', outDir], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 2],
  })
  return { name, package: outDir, subjects: join(folder, 'test/bench/subjects') }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' })
}
