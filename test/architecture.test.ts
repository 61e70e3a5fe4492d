import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { drawRooms, PICTURE } from './support/draw-rooms.js'
import { ROOMS, reachableFrom, readImports, roomOf, sourceFiles, sourceOf } from './support/import-graph.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Folders that never import each other: they meet in `proxy/`, over the types of `model/`. */
const STRANGERS = [
  ['providers', 'engine'],
  ['engine', 'providers'],
] as const

/** The rooms that may import an outside package; no other may. */
const PACKAGE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  'ipaddr.js': ['base'],
  eventemitter3: ['engine/events'],
  undici: ['engine/upstream', 'providers/http'],
  re2js: ['rules'],
  canonicalize: ['validation'],
  'smol-toml': ['providers', 'command-line'],
  yaml: ['providers', 'command-line'],
  'toml-eslint-parser': ['command-line'],
  commander: ['command-line'],
  picocolors: ['command-line'],
  'prom-client': ['status'],
  'sonic-boom': ['status'],
  etcd3: ['providers/etcd'],
}

/** Everything that may come with `import 'switchover'`. */
const LOADED_PACKAGES = ['eventemitter3', 'ipaddr.js', 'undici']

const MAX_LINES = 250

const imports = readImports()
const own = imports.filter(({ target }) => sourceFiles.includes(target))
const outside = imports.filter(({ target }) => !sourceFiles.includes(target) && !target.startsWith('node:'))
const floorOf = (file: string): number => ROOMS.findIndex(({ name }) => name === roomOf(file))
const folderOf = (file: string): string => roomOf(file).split('/')[0] as string

describe('the architecture', () => {
  it('finds the imports it is about', () => {
    expect(sourceFiles.length).toBeGreaterThan(30)
    expect(own.map(({ from, target }) => `${from} ${target}`)).toContain(
      'proxy/proxy-parts.ts engine/data-plane.ts',
    )
    expect(own.length).toBeGreaterThan(80)
  })

  it('has no folder that is on no floor', () => {
    expect(sourceFiles.filter((file) => floorOf(file) < 0)).toEqual([])
  })

  it('imports down only, types included', () => {
    const isStrange = (from: string, target: string) =>
      STRANGERS.some(([a, b]) => folderOf(from) === a && folderOf(target) === b)
    const wrong = own.filter(({ from, target }) => floorOf(target) > floorOf(from) || isStrange(from, target))
    expect(wrong).toEqual([])
  })

  it('has no rings, types included', () => {
    const targets = new Map(
      sourceFiles.map((file) => [file, own.filter(({ from }) => from === file).map(({ target }) => target)]),
    )
    expect(sourceFiles.filter((file) => reachableFrom(file, targets).has(file))).toEqual([])
  })

  it('imports each outside package only where it belongs', () => {
    const wrong = outside.filter(({ from, target }) => !PACKAGE_OWNERS[target]?.includes(roomOf(from)))
    expect(wrong).toEqual([])
  })

  it('knows HTTP/1 and its sockets in one room of the engine alone', () => {
    const isEngine = (file: string) => file.startsWith('engine/') && roomOf(file) !== 'engine/client/http1'
    const http = imports.filter(
      ({ from, target }) => isEngine(from) && /^node:(http|https|http2)$/.test(target),
    )
    expect(http).toEqual([])
    // The sockets to servers are another matter: those rooms own them.
    const atServers = ['engine/upstream', 'engine/backends']
    const text = /\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g
    const code = (file: string) => sourceOf(file).replaceAll(text, '')
    const sockets = sourceFiles.filter(
      (file) =>
        isEngine(file) && !atServers.includes(roomOf(file)) && /\bsocket|_httpMessage/i.test(code(file)),
    )
    expect(sockets).toEqual([])
  })

  it('loads etcd3 and re2js on first use only', () => {
    const onFirstUse = outside.filter(({ target }) => target === 'etcd3' || target === 're2js')
    expect(onFirstUse.length).toBeGreaterThan(2)
    expect(onFirstUse.filter(({ lazy }) => !lazy)).toEqual([])
  })

  it('has files that can be read in one sitting, and no junk room', () => {
    const long = sourceFiles.filter((file) => sourceOf(file).trimEnd().split('\n').length > MAX_LINES)
    expect(long).toEqual([])
    expect(sourceFiles.filter((file) => /(utils?|helpers?|common|misc)\b/.test(file))).toEqual([])
  })

  it('has in base/ only what two floors use', () => {
    const users = (file: string) =>
      new Set(
        own
          .filter(({ target }) => target === file)
          .map(({ from }) => folderOf(from))
          .filter((folder) => folder !== 'base'),
      )
    expect(sourceFiles.filter((file) => roomOf(file) === 'base' && users(file).size < 2)).toEqual([])
  })

  it('has a picture of its rooms that is true', () => {
    // To draw it again: npm run draw
    expect(readFileSync(PICTURE, 'utf8')).toBe(drawRooms())
  })

  it('is described: each room, and no file that does not exist', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    const rooms = ROOMS.filter(({ name }) => name !== '(entries)' && !page.includes(`| \`${name}/\` |`))
    expect(rooms).toEqual([])
    const named = [...page.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file = '']) => file)
    const isThere = (file: string) => existsSync(join(root, 'src', file)) || existsSync(join(root, file))
    expect(named.filter((file) => !isThere(file))).toEqual([])
    expect(named.length).toBeGreaterThan(40)
  })

  it('is described: the outside packages of each room', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `([\w/-]+)\/` \| .* \|(.*)\|$/gm)]
    const told = rows.map(([, room, packages = '']) => `${room}: ${packages.trim().split(', ').sort()}`)
    const owned = rows.map(([, room = '']) => {
      const names = Object.keys(PACKAGE_OWNERS).filter((name) => PACKAGE_OWNERS[name]?.includes(room))
      return `${room}: ${names.sort()}`
    })
    expect(rows.length).toBeGreaterThan(20)
    expect(told).toEqual(owned)
  })

  it('has a map of the helpers of tests, with each of them', () => {
    const page = readFileSync(join(root, 'test/support/README.md'), 'utf8')
    const helpers = readdirSync(join(root, 'test/support')).filter((name) =>
      /^(?!.*(-child|\.test)\.ts$).*\.ts$/.test(name),
    )
    expect(helpers.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
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
