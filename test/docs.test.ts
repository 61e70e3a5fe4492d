import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { loadStaticConfig, RuleMatcher, validateConfig } from 'switchover'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { strategyTable } from '../src/balancing/strategies.js'
import { ERROR_CODES } from '../src/model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../src/model/limits.js'
import { matcherTable } from '../src/rules/matchers.js'
import { COMBINING_KEYS } from '../src/rules/rule-tree.js'
import { ACCESS_LOG_OPTIONS } from '../src/status/log-options.js'
import { metricFamilies } from '../src/status/metric-families.js'
import { STATUS_ROUTES } from '../src/status/status-routes.js'
import { GUARDS } from '../src/validation/document-schema.js'
import { STATIC_KEYS } from '../src/validation/static-keys/static-keys.js'
import { RAW_CASES } from './scenarios/raw-bytes/all-cases.js'
import {
  anchorsOf,
  type Block,
  blocksOf,
  codesIn,
  type Page,
  readPages,
  relativeLinksOf,
  root,
  type Table,
  tablesOf,
} from './support/docs-blocks.js'
import { builtIn, objectAt, pathsNotBuilt } from './support/schema-objects.js'

const run = promisify(execFile)

const pages = readPages()
const blocks = pages.flatMap(blocksOf)
const written = (...languages: string[]): Block[] =>
  blocks.filter(({ language }) => languages.includes(language))
const titled = <T extends Block>(found: T[]): [title: string, block: T][] =>
  found.map((block) => [`${block.file}, block ${block.number} (line ${block.line})`, block])

function pageOf(file: string): Page {
  const page = pages.find((candidate) => candidate.file === file)
  if (!page) throw new Error(`there is no ${file}`)
  return page
}

function tableUnder(file: string, heading: string): Table {
  const tables = tablesOf(pageOf(file)).filter((table) => table.heading === heading)
  if (tables.length !== 1 || !tables[0]) throw new Error(`${file}: ${tables.length} tables under ${heading}`)
  return tables[0]
}

/** A table's column as the names that stand in it as code, one from each row. */
function namesUnder(file: string, heading: string, column = 0): string[] {
  return tableUnder(file, heading).rows.map(
    (row) => codesIn(row[column] ?? '')[0] ?? `(none: ${row.join('|')})`,
  )
}

describe('blocks of code', () => {
  it('are in languages that this test knows', () => {
    // nginx runs in scenarios/nginx-over-a-unix-socket.test.ts.
    const known = ['ts', 'js', 'sh', 'bash', 'json', 'yaml', 'toml', 'nginx', 'text', 'http', '']
    expect(
      titled(blocks.filter(({ language }) => !known.includes(language))).map(([title]) => title),
    ).toEqual([])
  })
})

describe('blocks of TypeScript and JavaScript', () => {
  const folder = '.cache/docs'
  const code = written('ts', 'js')
  const fileOf = ({ file, number, language }: Block): string =>
    `${folder}/${file.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${number}.${language}`
  const headOf = ({ setup }: Block): string => (setup === '' ? '' : `${setup}\n`)
  let complaints: string[] = []

  beforeAll(async () => {
    rmSync(join(root, folder), { recursive: true, force: true })
    mkdirSync(join(root, folder), { recursive: true })
    for (const block of code) {
      writeFileSync(join(root, fileOf(block)), `${headOf(block)}${block.code}\nexport {}\n`)
    }
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: {
        allowJs: true,
        checkJs: true,
        // An excerpt may import what only the next one uses.
        noUnusedLocals: false,
        noUnusedParameters: false,
        paths: {
          switchover: ['../../src/index.ts'],
          'switchover/testing': ['../../src/testing.ts'],
        },
      },
      include: [],
      files: code.map((block) => fileOf(block).slice(folder.length + 1)),
    }
    writeFileSync(join(root, folder, 'tsconfig.json'), JSON.stringify(config, null, 2))
    const tsc = join(root, 'node_modules/.bin/tsc')
    const printed = await run(tsc, ['-p', `${folder}/tsconfig.json`, '--pretty', 'false'], {
      cwd: root,
    }).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }) => `${stdout}${stderr}` || 'tsc failed and said nothing',
    )
    complaints = printed.split('\n').filter((line) => line.trim() !== '')
  })

  it('are there', () => {
    expect(code.length).toBeGreaterThan(0)
  })

  it.each(titled(code))('%s type-checks against the package', (_title, block) => {
    const setupLines = headOf(block).split('\n').length - 1
    const own = complaints
      .filter((line) => line.startsWith(`${fileOf(block)}(`))
      .map((line) =>
        line.replace(
          /^[^(]+\((\d+),(\d+)\)/,
          (_all, row) => `line ${block.line + Number(row) - 1 - setupLines}`,
        ),
      )
    expect(own).toEqual([])
  })

  it('leave the compiler with nothing else to say', () => {
    const files = code.map((block) => `${fileOf(block)}(`)
    const others = complaints.filter(
      (line) => !files.some((file) => line.startsWith(file)) && !line.startsWith(' '),
    )
    expect(others).toEqual([])
  })

  const runnable = code.filter((block) => block.run)
  it.each(titled(runnable))('%s runs', { timeout: 60_000 }, async (_title, block) => {
    const program = run(process.execPath, ['--import', 'tsx', fileOf(block)], { cwd: root, timeout: 60_000 })
    const outcome = await program.then(
      () => 'ended well',
      (error: Error & { stdout?: string; stderr?: string }) =>
        `${error.message}\n${error.stdout}${error.stderr}`,
    )
    expect(outcome).toBe('ended well')
  })
})

describe('blocks of shell', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  /** What npm does by itself. */
  const ofNpm = ['ci', 'install', 'i', 'pack', 'ls']
  const commands = titled(written('sh', 'bash')).flatMap(([title, { code }]) =>
    code
      .replaceAll(/\\\n/g, ' ')
      .split(/\n|&&|;|\|/)
      .map((command): [string, string] => [title, command.trim()])
      .filter(([, command]) => /^np[mx] /.test(command)),
  )

  it.each(commands)('%s: %s is something that can be done', (_title, command) => {
    const [program, first = '', ...rest] = command.split(/\s+/)
    if (program === 'npx') {
      for (const file of rest.filter((word) => word.endsWith('.ts')))
        expect(existsSync(join(root, file)), file).toBe(true)
    } else if (first === 'run') {
      expect(Object.keys(scripts)).toContain(rest.find((word) => !word.startsWith('-')))
    } else {
      expect([...ofNpm, ...Object.keys(scripts)]).toContain(first)
    }
  })
})

describe('blocks of data', () => {
  const parsed = titled(written('json', 'yaml'))
  const read = ({ language, code }: Block): unknown =>
    language === 'json' ? JSON.parse(code) : parseYaml(code)

  it.each(parsed)('%s parses, and is valid if it is a document', (_title, block) => {
    const data = read(block)
    const isDocument =
      typeof data === 'object' && data !== null && ('frontends' in data || 'backends' in data)
    if (!isDocument) return
    const checked = validateConfig(data)
    expect(checked.ok ? [] : checked.issues).toEqual([])
  })
})

describe('blocks of TOML', () => {
  it.each(titled(written('toml')))(
    '%s is a static configuration without a fault',
    async (_title, { code }) => {
      expect((await loadStaticConfig({ text: code })).warnings).toEqual([])
    },
  )
})

describe('links', () => {
  it.each(pages.map((page) => [page.file, page] as const))('of %s lead somewhere', (file, page) => {
    const dead = relativeLinksOf(page).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? file : normalize(join(dirname(file), path))
      if (!existsSync(join(root, target))) return true
      return anchor !== undefined && !(target.endsWith('.md') && anchorsOf(pageOf(target)).has(anchor))
    })
    expect(dead).toEqual([])
  })

  it('of docs/README.md lead to every page', () => {
    const linked = relativeLinksOf(pageOf('docs/README.md')).map((link) =>
      normalize(link.split('#')[0] ?? ''),
    )
    const docs = readdirSync(join(root, 'docs')).filter((name) => !/\.(png|svg)$/.test(name))
    const unlinked = docs.filter(
      (name) => name !== 'README.md' && !linked.includes(name) && !linked.includes(`${name}/`),
    )
    expect(unlinked).toEqual([])
  })
})

describe('README.md', () => {
  it.each(['npm ci && npm run demo', 'npm ci && npm test'])('holds the line %s', (line) => {
    const lines = blocksOf(pageOf('README.md')).flatMap(({ code }) => code.split('\n'))
    expect(lines).toContain(line)
  })
})

/** The fields of every interface in the sources, by the interface's name; `?` behind those that may be absent. */
const interfaces = readInterfaces()

function readInterfaces(): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const own = new Map<string, { readonly parents: string[]; readonly fields: string[] }>()
  for (const file of files) {
    const source = readFileSync(join(root, 'src', file), 'utf8')
    for (const [, name = '', parents = '', body = ''] of source.matchAll(
      /^export interface (\w+)(?: extends ([\w, ]+))? \{\n([\s\S]*?)^\}/gm,
    )) {
      const fields = [...body.matchAll(/^ {2}(?:readonly )?(\w+)(\??)[:(]/gm)].map(
        ([, field, mark]) => `${field}${mark}`,
      )
      own.set(name, { parents: parents.split(',').map((parent) => parent.trim()), fields })
    }
  }
  const all = (name: string): string[] => {
    const { parents = [], fields = [] } = own.get(name) ?? {}
    return [...new Set([...parents.flatMap(all), ...fields])]
  }
  return new Map([...own.keys()].map((name) => [name, all(name)]))
}

function fieldsOf(name: string): string[] {
  const fields = interfaces.get(name)
  if (!fields || fields.length === 0) throw new Error(`there is no interface ${name} in src`)
  return [...fields]
}

const plain = (field: string): string => field.replace('?', '')

describe('docs/configuration.md', () => {
  const file = 'docs/configuration.md'

  it('has every option of createProxy, and no other', () => {
    const options = namesUnder(file, 'Options of createProxy')
    const top = new Set(options.map((name) => name.split('.')[0]))
    expect([...top].sort()).toEqual(fieldsOf('ProxyOptions').map(plain).sort())
    expect(new Set(options).size).toBe(options.length)
  })

  const limits = { timeouts: DEFAULT_TIMEOUTS, limits: DEFAULT_LIMITS }
  const defaults = Object.entries(limits).flatMap(([group, values]) =>
    Object.entries(values).map(([name, value]) => [`${group}.${name}`, value] as const),
  )

  it.each(defaults)('has the default of %s: %d', (name, value) => {
    const row = tableUnder('docs/limits.md', 'The limits').rows.find(([option]) => option === `\`${name}\``)
    const shown = row?.[1] === 'none' ? Number.POSITIVE_INFINITY : Number(row?.[1]?.replaceAll(/[^\d]/g, ''))
    expect(shown).toBe(value)
  })

  it('has no limit that does not exist', () => {
    const named = tableUnder('docs/limits.md', 'The limits').rows.map(([option]) =>
      option?.replaceAll('`', ''),
    )
    expect(named.sort()).toEqual([...defaults.map(([name]) => name), 'limits.upstreamNetworks'].sort())
  })

  const kinds = [
    ['The document', ''],
    ['Frontends', 'frontends'],
    ['White lists', 'frontends.*.whiteList'],
    ['Routes', 'frontends.*.routes'],
    ['Backends', 'backends'],
    ['Buffering', 'backends.*.buffering'],
    ['Servers', 'backends.*.servers'],
    ['Load balancers', 'backends.*.loadBalancer'],
    ['Stickiness', 'backends.*.loadBalancer.stickiness'],
    ['Circuit breakers', 'backends.*.circuitBreaker'],
    ['Limits on requests under way', 'backends.*.maxConn'],
    ['Queues', 'backends.*.queue'],
    ['Addresses of names', 'backends.*.strictDns'],
    ['Health checks', 'backends.*.healthCheck'],
    ['Outlier detection', 'backends.*.outlierDetection'],
  ] as const

  it.each(kinds)('has every field under %s', (heading, path) => {
    expect(namesUnder(file, heading).sort()).toEqual(builtIn(objectAt(path)).sort())
  })

  it('has every field of Traefik that is refused', () => {
    expect(namesUnder(file, 'Fields of Traefik that are refused').sort()).toEqual(pathsNotBuilt().sort())
  })

  it('has everything that guards', () => {
    expect(namesUnder(file, 'What guards').sort()).toEqual([...GUARDS.keys()].sort())
  })

  it('has every strategy', () => {
    expect(namesUnder(file, 'Strategies').sort()).toEqual([...strategyTable().keys()].sort())
  })
})

describe('docs/rules.md', () => {
  const file = 'docs/rules.md'

  it('has every matcher, with its key in data', () => {
    expect(namesUnder(file, 'Matchers')).toEqual([...matcherTable().keys()])
    const keys = namesUnder(file, 'Matchers', 1)
    expect([...keys, ...COMBINING_KEYS].sort()).toEqual(fieldsOf('RuleSpec').map(plain).sort())
    expect(keys.map((key) => key.toLowerCase())).toEqual(
      namesUnder(file, 'Matchers').map((name) => name.toLowerCase()),
    )
  })

  it('shows every matcher in each form in which it may stand, by a rule that compiles', () => {
    for (const [index, [name, { traefik1, traefik3 }]] of [...matcherTable()].entries()) {
      const [, , first = '', third = ''] = tableUnder(file, 'Matchers').rows[index] ?? []
      expect([name, first === 'no', third === 'no']).toEqual([name, !traefik1, !traefik3])
      for (const [text, column] of [
        [first, name],
        [third, traefik3?.name ?? name],
      ] as const) {
        if (text === 'no') continue
        const rule = text.replaceAll(/^`+|`+$/g, '')
        expect(rule.startsWith(column), rule).toBe(true)
        expect(
          () => new RuleMatcher(rule.endsWith(')') || !rule.includes('(`') ? rule : `${rule}\`)`),
        ).not.toThrow()
      }
    }
  })

  it('has every fact', () => {
    expect(namesUnder(file, 'Facts').sort()).toEqual(fieldsOf('RequestFacts').sort())
  })
})

describe('docs/providers.md', () => {
  const file = 'docs/providers.md'
  const index = readFileSync(join(root, 'src/index.ts'), 'utf8')

  it('has every provider', () => {
    const exported = [...new Set(index.match(/\b\w+Provider\b/g))].sort()
    expect(namesUnder(file, 'Providers that exist').sort()).toEqual(exported)
  })

  it.each([
    ['Options of AliasProvider', 'AliasProviderOptions'],
    ['Options of EtcdAliasProvider', 'EtcdAliasProviderOptions'],
    ['Options of ApiConfigFetcher', 'ApiConfigFetcherOptions'],
    ['Options of FileProvider', 'FileProviderOptions'],
    ['Options of HttpProvider', 'HttpProviderOptions'],
    ['Options of EtcdProvider', 'EtcdProviderOptions'],
    ['Options of EtcdPrefixFetcher', 'EtcdPrefixFetcherOptions'],
    ['Options of ConsulProvider', 'ConsulProviderOptions'],
  ])('has all %s', (heading, name) => {
    expect(namesUnder(file, heading).sort()).toEqual(fieldsOf(name).map(plain).sort())
  })

  it('has every call of the sink', () => {
    const calls = namesUnder(file, 'The sink').map((call) => call.replace(/\(.*$/, ''))
    expect(calls).toEqual(fieldsOf('ConfigSink').map(plain))
  })
})

describe('docs/events.md', () => {
  const events = readFileSync(join(root, 'src/model/events.ts'), 'utf8')
  const body = /^export interface ProxyEvents \{\n([\s\S]*?)^\}/m.exec(events)?.[1] ?? ''
  const payloads = [...body.matchAll(/^ {2}(\w+): \[event: (\w+)\]$/gm)].map(
    ([, event = '', payload = '']): [string, string] => [event, payload],
  )

  it('has every event, in order', () => {
    expect(payloads.map(([event]) => event)).toEqual(fieldsOf('ProxyEvents'))
    expect(namesUnder('docs/events.md', 'All events')).toEqual(fieldsOf('ProxyEvents'))
  })

  it.each(payloads)('has what %s carries: %s', (event, payload) => {
    const row = tableUnder('docs/events.md', 'All events').rows.find(([name]) => name === `\`${event}\``)
    expect(codesIn(row?.[1] ?? '').sort()).toEqual(fieldsOf(payload).sort())
  })
})

describe('docs/errors.md', () => {
  it('has every code with its source and status, in order', () => {
    const told = tableUnder('docs/errors.md', 'Codes').rows.map(([code = '', source, status]) => [
      codesIn(code)[0],
      source,
      Number(status),
    ])
    expect(told).toEqual(
      Object.entries(ERROR_CODES).map(([code, { source, status }]) => [code, source, status]),
    )
  })

  it('has what a client is told for every code that a client gets', () => {
    const told = tableUnder('docs/errors.md', 'What a client gets').rows.map(([code = '', status, says]) => [
      codesIn(code)[0],
      Number(status),
      says,
    ])
    for (const [code, status, says] of told) {
      expect(ERROR_CODES[code as keyof typeof ERROR_CODES]).toMatchObject({ status, says })
    }
  })

  it('has every code of an issue', () => {
    const errors = readFileSync(join(root, 'src/model/errors.ts'), 'utf8')
    const union = /export type IssueCode =([\s\S]*?)\n\n/.exec(errors)?.[1] ?? ''
    const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(0)
    expect(namesUnder('docs/errors.md', 'Codes of issues')).toEqual(codes)
  })
})

describe('docs/http.md', () => {
  const cases = Object.values(RAW_CASES).flat()
  const tables = tablesOf(pageOf('docs/http.md'))

  it('names only cases that exist, at least one in each row', () => {
    const rows = tables.flatMap((table) => table.rows)
    const told = rows.map((row) => codesIn(row.at(-1) ?? ''))
    const known = new Set(cases.map(({ name }) => name))
    expect(rows.filter((_, index) => told[index]?.length === 0)).toEqual([])
    expect(told.flat().filter((name) => !known.has(name))).toEqual([])
    expect(told.length).toBeGreaterThan(0)
  })
})

describe('docs/status.md', () => {
  const file = 'docs/status.md'

  it('has every path of the status server, and no other', () => {
    const told = namesUnder(file, 'Paths').map((path) => path.replace(/\{.*\}$/, 'x'))
    for (const path of told)
      expect(
        STATUS_ROUTES.some(([pattern]) => pattern.test(path)),
        path,
      ).toBe(true)
    const untold = STATUS_ROUTES.filter(([pattern]) => !told.some((path) => pattern.test(path)))
    expect(untold.map(([pattern]) => String(pattern))).toEqual([String(/^\/dashboard$/)])
  })

  it('has every metric with its type, and no other', () => {
    const rows = tableUnder(file, 'Metrics').rows.map(([name, type]) => `${codesIn(name ?? '')[0]} ${type}`)
    const now = metricFamilies({} as never, '').map(({ name, type }) => `${name} ${type}`)
    expect(rows).toEqual(now)
  })

  it('has every option of the status server and of the access log', () => {
    const status = namesUnder(file, 'The status server')
    expect(status.sort()).toEqual(
      [
        ...['address', 'token', 'unreadyWhileStale'].map((name) => `status.${name}`),
        ...['registry', 'prefix', 'buckets', 'maxBackends'].map((name) => `status.metrics.${name}`),
      ].sort(),
    )
    const log = namesUnder(file, 'Access log')
    expect(new Set(log.map((name) => name.split('.')[1]))).toEqual(new Set(ACCESS_LOG_OPTIONS))
  })
})

describe('docs/traefik-toml.md', () => {
  // test/generated.test.ts compares the tables with the declarations of the keys.
  it('has every key, and no other', () => {
    const rows = tablesOf(pageOf('docs/traefik-toml.md')).filter(({ header }) => header[0] === 'key')
    const told = rows.flatMap(({ rows: keys }) => keys).map(([key = '']) => codesIn(key)[0])
    expect(told).toEqual([...STATIC_KEYS.keys()])
  })
})
