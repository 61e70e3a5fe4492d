import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A folder of `src/` and what lives in it. A folder within a folder is a room of its own. */
interface Room {
  readonly name: string
  readonly lives: string
}

/**
 * The rooms from the ground up. A file imports from its own room and from rooms before it, never from a room after it.
 * A new folder is one row here; docs/architecture.md and its picture follow.
 */
export const ROOMS: readonly Room[] = [
  { name: 'model', lives: 'the words: documents, facts, events, errors, limits, contracts' },
  { name: 'base', lives: 'small things that know no proxy: messages, addresses, timing' },
  { name: 'balancing', lives: 'the table of strategies, and one file each' },
  { name: 'rules', lives: 'the rule language: parse, compile, format, matchers' },
  { name: 'middlewares', lives: 'the table of middlewares, and one file each' },
  { name: 'routing', lives: 'the router, its index, compiled frontends' },
  { name: 'validation', lives: 'what a document may say; lint' },
  { name: 'validation/static-keys', lives: 'the keys of a traefik.toml, as data' },
  { name: 'providers', lives: 'supervisor, alias, last good, cold start' },
  { name: 'providers/http', lives: 'documents and answers over HTTP' },
  { name: 'providers/kv', lives: 'keys of a store as a document' },
  { name: 'providers/etcd', lives: 'etcd: sessions, watches, reads' },
  { name: 'providers/consul', lives: 'Consul: blocking queries' },
  { name: 'providers/file', lives: 'files and folders, watched' },
  { name: 'engine/events', lives: 'the emitter; what fails in code of the host' },
  { name: 'engine/headers', lives: 'header fields: names, trust, forwarding' },
  {
    name: 'engine/client',
    lives: "the client's side of an exchange, whatever HTTP it speaks; own responses",
  },
  { name: 'engine/client/http1', lives: 'the client side over node:http: pipelining, upgrades, closing' },
  { name: 'engine/upstream', lives: 'connections to servers, failures' },
  { name: 'engine/backends', lives: 'what stands behind a frontend' },
  { name: 'engine', lives: "a request's way; snapshots and generations" },
  { name: 'status', lives: 'status server, dashboard, metrics, logs' },
  { name: 'entry-points', lives: 'listeners and the connections of clients' },
  { name: 'proxy', lives: 'createProxy: options, wiring, shutdown' },
  { name: 'static-config', lives: 'a traefik.toml becomes options' },
  { name: 'command-line', lives: 'one file for each command' },
  { name: '(entries)', lives: 'index.ts, testing.ts, cli.ts' },
]

/** One import of one file of ours by another, or of a package. */
export interface Import {
  readonly from: string
  /** A file under `src/`, or the name of a package. */
  readonly target: string
  /** The import is erased by the compiler or runs on first use, so it does not load with the file. */
  readonly lazy: boolean
}

/** Every source file that the proxy is made of, relative to `src/`. */
export const sourceFiles: readonly string[] = readdirSync(join(root, 'src'), {
  recursive: true,
  encoding: 'utf8',
})
  // Files that run in a thread of their own are JavaScript.
  .filter((file) => /\.ts$|^providers\/.*\.js$/.test(file) && !file.endsWith('.d.ts'))
  .sort()

/** The text of a source file. */
export function sourceOf(file: string): string {
  return readFileSync(join(root, 'src', file), 'utf8')
}

/** The room of a source file. */
export function roomOf(file: string): string {
  return file.includes('/') ? dirname(file) : '(entries)'
}

/** All imports of all source files, of our own files and of packages. */
export function readImports(): Import[] {
  return sourceFiles.flatMap(importsOf)
}

function importsOf(from: string): Import[] {
  const source = sourceOf(from)
  const found: Import[] = []
  for (const [, typeOnly, specifier = ''] of source.matchAll(
    /^(?:import|export)( type)?\b[^'"]*?\bfrom '([^']+)'/gm,
  )) {
    found.push({ from, target: resolve(from, specifier), lazy: typeOnly !== undefined })
  }
  // `createRequire` loads a package where no caller can wait for an `import()`.
  for (const [, specifier = ''] of source.matchAll(/\b(?:import|createRequire\([^)]+\))\('([^']+)'\)/g)) {
    found.push({ from, target: resolve(from, specifier), lazy: true })
  }
  return found
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  const script = normalize(join(dirname(from), specifier))
  return sourceFiles.includes(script) ? script : script.replace(/\.js$/, '.ts')
}

/** Returns everything that a start leads to, directly or through others. */
export function reachableFrom(
  start: string,
  targets: ReadonlyMap<string, Iterable<string>>,
): ReadonlySet<string> {
  const seen = new Set<string>()
  const waiting = [...(targets.get(start) ?? [])]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    waiting.push(...(targets.get(next) ?? []))
  }
  return seen
}
