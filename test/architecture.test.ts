import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Floors from the ground up. Imports go down, or stay within a folder; providers and engine never meet. */
const FLOORS = [
  'model',
  'base',
  'balancing',
  'rules',
  'routing',
  'validation',
  'providers',
  'engine',
  'status',
  'entry-points',
  'proxy',
  '(top)',
  'static-config',
  'index',
  'command-line',
  'cli',
] as const
const STRANGERS = new Set(['providers engine', 'engine providers'])

/** Who may import which outside package; every other package is nobody's. */
const PACKAGE_OWNERS: Readonly<Record<string, RegExp>> = {
  'ipaddr.js': /^(base|rules)\/cidr\.ts$/,
  eventemitter3: /^engine\/proxy-emitter\.ts$/,
  undici: /^(engine|providers)\//,
  re2js: /^rules\/regexps\.ts$/,
  'smol-toml': /^(providers\/slow-formats\.js|command-line\/convert-keys\.ts)$/,
  yaml: /^(providers\/slow-formats\.js|command-line\/document-places\.ts)$/,
  'toml-eslint-parser': /^command-line\/document-places\.ts$/,
  commander: /^command-line\/[a-z-]+\.ts$/,
  picocolors: /^command-line\/terminal\.ts$/,
  'prom-client': /^status\/metrics\.ts$/,
  'sonic-boom': /^status\/log-file\.ts$/,
  etcd3: /^providers\/(etcd\/)?etcd-[a-z-]+\.ts$/,
}

/** Everything that may come with `import 'switchover'`. */
const LOADED_PACKAGES = ['eventemitter3', 'ipaddr.js', 'undici']

interface Import {
  readonly from: string
  readonly target: string
  /** Erased by the compiler, or loaded on first use: either way not loaded with the file. */
  readonly lazy: boolean
}

const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  // What runs in a thread of its own is JavaScript.
  .filter((file) => /\.ts$|^providers\/.*\.js$/.test(file) && !file.endsWith('.d.ts'))
  .sort()
const sourceOf = (file: string): string => readFileSync(join(root, 'src', file), 'utf8')
const imports = files.flatMap(importsOf)
const own = imports.filter(({ target }) => !target.includes(':') && files.includes(target))
const outside = imports.filter(({ target }) => !files.includes(target) && !target.startsWith('node:'))

function importsOf(from: string): Import[] {
  const source = sourceOf(from)
  const found: Import[] = []
  for (const [, typeOnly, specifier = ''] of source.matchAll(
    /^(?:import|export)( type)?\b[^'"]*?\bfrom '([^']+)'/gm,
  )) {
    found.push({ from, target: resolve(from, specifier), lazy: typeOnly !== undefined })
  }
  // The second is how a package is loaded where nothing can wait for it.
  for (const [, specifier = ''] of source.matchAll(/\b(?:import|createRequire\([^)]+\))\('([^']+)'\)/g)) {
    found.push({ from, target: resolve(from, specifier), lazy: true })
  }
  return found
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  const script = normalize(join(dirname(from), specifier))
  return files.includes(script) ? script : script.replace(/\.js$/, '.ts')
}

function folderOf(file: string): (typeof FLOORS)[number] {
  if (file === 'index.ts' || file === 'cli.ts') return file === 'cli.ts' ? 'cli' : 'index'
  return file.includes('/') ? (file.split('/')[0] as (typeof FLOORS)[number]) : '(top)'
}

describe('the architecture', () => {
  it('finds the imports it is about', () => {
    expect(files.length).toBeGreaterThan(30)
    expect(own.length).toBeGreaterThan(80)
  })

  it('has no folder that is on no floor', () => {
    expect(files.map(folderOf).filter((folder) => !FLOORS.includes(folder))).toEqual([])
  })

  it('imports down only, types included', () => {
    const wrong = own.filter(({ from, target }) => {
      const [a, b] = [folderOf(from), folderOf(target)]
      return a !== b && (FLOORS.indexOf(b) > FLOORS.indexOf(a) || STRANGERS.has(`${a} ${b}`))
    })
    expect(wrong).toEqual([])
  })

  it('has no rings, types included', () => {
    const targets = new Map(
      files.map((file) => [file, own.filter(({ from }) => from === file).map(({ target }) => target)]),
    )
    const reaches = (start: string): Set<string> => {
      const seen = new Set<string>()
      const waiting = [...(targets.get(start) ?? [])]
      for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
        if (seen.has(file)) continue
        seen.add(file)
        waiting.push(...(targets.get(file) ?? []))
      }
      return seen
    }
    expect(files.filter((file) => reaches(file).has(file))).toEqual([])
  })

  it('imports each outside package only where it belongs', () => {
    const wrong = outside.filter(({ from, target }) => !PACKAGE_OWNERS[target]?.test(from))
    expect(wrong).toEqual([])
  })

  it('loads etcd3 and re2js on first use only', () => {
    const onFirstUse = outside.filter(({ target }) => target === 'etcd3' || target === 're2js')
    expect(onFirstUse.length).toBeGreaterThan(2)
    expect(onFirstUse.filter(({ lazy }) => !lazy)).toEqual([])
  })

  it('has files that can be read in one sitting, and no junk room', () => {
    const long = files.filter((file) => sourceOf(file).trimEnd().split('\n').length > 300)
    expect(long).toEqual([])
    expect(files.filter((file) => /(utils?|helpers?|common|misc)\b/.test(file))).toEqual([])
  })

  it('has an index of names alone', () => {
    const code = sourceOf('index.ts').replaceAll(/export (type )?\{[^}]*\} from '[^']+'/g, '')
    expect(code.trim()).toBe('')
  })

  it("loads with import 'switchover' nothing but node and three packages", { timeout: 60_000 }, () => {
    const outDir = join(root, '.cache/architecture')
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'src'), '--outDir', outDir])
    const program = `
      import { createRequire, register } from 'node:module'
      const { port1, port2 } = new MessageChannel()
      const loaded = new Set()
      const last = 'data:text/javascript,'
      const done = new Promise((resolve) => port1.on('message', (url) => url === last ? resolve() : loaded.add(url)))
      const hook = 'let port; export const initialize = (data) => { port = data }; export const load = (url, context, next) => { port.postMessage(url); return next(url, context) }'
      register('data:text/javascript,' + encodeURIComponent(hook), { data: port2, transferList: [port2] })
      await import(${JSON.stringify(join(outDir, 'index.js'))})
      await import(last)
      await done
      port1.close()
      const all = [...loaded, ...Object.keys(createRequire(import.meta.url).cache)]
      const names = all.map((url) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1]).filter(Boolean)
      console.log(JSON.stringify([...new Set(names)].sort()))`
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root })
    expect(JSON.parse(String(printed))).toEqual(LOADED_PACKAGES)
  })
})
