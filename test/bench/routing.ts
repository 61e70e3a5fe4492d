import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { RequestFacts } from 'switchover'
import { buildPackage, loadPackage } from './parts/built-package.js'
import {
  COMMON_HELP,
  COMMON_OPTIONS,
  type Finding,
  progress,
  type Row,
  runBench,
} from './parts/command-line.js'
import { LoopProbe, timeParsing } from './parts/loop-probe.js'
import { type Comparison, sideBySide } from './parts/side-by-side.js'

const HELP = `npm run bench:routing [-- OPTIONS]

What routing costs with many frontends and many client ranges, as ratios within one run.
${COMMON_HELP}`

const { values } = parseArgs({ options: COMMON_OPTIONS })
if (values.help) {
  console.log(HELP)
  process.exit()
}
// Allocations are read off the heap before a collection, and memory after one.
if (!process.execArgv.includes('--expose-gc')) {
  const args = [...process.execArgv, '--expose-gc', fileURLToPath(import.meta.url)]
  process.exit(
    spawnSync(process.execPath, [...args, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1,
  )
}
const collect = (globalThis as { gc?: () => void }).gc as () => void

buildPackage(values.package)
const { ProxyEngine, Router, RuleMatcher } = await loadPackage()

const rounds = values.quick ? 5 : 15
const roundMs = values.quick ? 20 : 100
const many = 100_000
const HOT = 997

const hostOf = (index: number) => `shop-${index}.customers.example.com`
const facts = (special: Partial<RequestFacts>): RequestFacts => ({
  ...{ method: 'GET', host: 'a.test', path: '/', query: '', headers: {}, clientAddress: '192.0.2.1' },
  ...special,
})

/** The same numbers in every run, in no order. */
function draw(from: number, count: number): number[] {
  let state = 1
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % from
  })
}

function byHost(count: number) {
  const frontends = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `f${index}`,
      { backend: 'b', rule: `Host:${hostOf(index)}` },
    ]),
  )
  return { frontends, backends: { b: { servers: { s: { url: 'http://127.0.0.1:1' } } } } }
}

function row(
  work: string,
  against: string,
  wished: string,
  { ours, theirs, ratio, least, most }: Comparison,
): Row {
  return { work, against, ns: ours, 'ns against': theirs, ratio, 'to reach': wished, from: least, to: most }
}

async function matching(): Promise<Finding> {
  const rows: Row[] = []
  const wrong = { 'wrong answers': 0 }
  progress(`${many} hosts`)
  const router = Router.compile(byHost(many))
  const map = new Map(Array.from({ length: many }, (_, index) => [hostOf(index), { index }]))
  for (const [name, from] of [
    [`${HOT} hot ones`, HOT],
    ['all of them', many],
  ] as const) {
    const requests = draw(from, 1 << 17).map((index) =>
      facts({ host: hostOf(index * Math.floor(many / from)) }),
    )
    const at = (index: number) => requests[index & 0x1ffff] as RequestFacts
    for (const request of requests.slice(0, 1_000))
      if (router.match(request)?.rule !== `Host:${request.host}`) wrong['wrong answers'] += 1
    const compared = sideBySide(
      (index) => router.match(at(index)),
      (index) => map.get(at(index).host),
      rounds,
      roundMs,
    )
    rows.push(row(`${many} exact hosts, ${name}`, 'a bare Map', '<= 2', compared))
  }

  progress('10,000 path prefixes')
  const prefixes = (count: number) =>
    Router.compile({
      frontends: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `f${index}`,
          { backend: 'b', rule: `Host:a.test;PathPrefix:/service-${index}/` },
        ]),
      ),
    })
  const [thousands, one] = [prefixes(10_000), prefixes(1)]
  const paths = draw(10_000, 1 << 13).map((index) => facts({ path: `/service-${index}/items/7` }))
  for (const request of paths.slice(0, 1_000))
    if (!request.path.startsWith(thousands.match(request)?.rule.split(':').at(-1) ?? 'x'))
      wrong['wrong answers'] += 1
  const first = Array.from({ length: 1 << 13 }, () => facts({ path: '/service-0/items/7' }))
  const byPath = sideBySide(
    (index) => thousands.match(paths[index & 0x1fff] as RequestFacts),
    (index) => one.match(first[index & 0x1fff] as RequestFacts),
    rounds,
    roundMs,
  )
  rows.push(row('10,000 path prefixes on one host', 'one', '<= 3', byPath))
  return { title: 'Finding a frontend', rows, wrong }
}

async function clientRanges(): Promise<Finding> {
  const rows: Row[] = []
  const wrong = { 'wrong answers': 0 }
  const families = [
    [
      'IPv4',
      (index: number) =>
        `${1 + (index % 200)}.${(index >> 3) & 255}.${index & 255}.${(index * 16) & 0xf0}/28`,
      (index: number) => `${1 + (index % 200)}.${(index >> 3) & 255}.${index & 255}.${(index * 16) & 0xf0}`,
    ],
    [
      'IPv6',
      (index: number) => `2001:db8:${(index >> 8).toString(16)}:${index.toString(16).slice(-4)}::/64`,
      (index: number) => `2001:db8:${(index >> 8).toString(16)}:${index.toString(16).slice(-4)}::7`,
    ],
  ] as const
  for (const [family, rangeOf, addressOf] of families) {
    progress(`${many} ranges, ${family}`)
    const ranges = Array.from({ length: many }, (_, index) => rangeOf(index))
    const large = new RuleMatcher({ clientIp: ranges })
    const small = new RuleMatcher({ clientIp: ranges[0] as string })
    const requests = draw(many, HOT).map((index) => facts({ clientAddress: addressOf(index) }))
    for (const request of requests) if (!large.matches(request)) wrong['wrong answers'] += 1
    const at = (index: number) => requests[index % HOT] as RequestFacts
    const compared = sideBySide(
      (index) => large.matches(at(index)),
      (index) => small.matches(at(index)),
      rounds,
      roundMs,
    )
    rows.push(row(`${many} ranges, ${family}, ${HOT} clients`, 'one range', '<= 5', compared))
  }
  return { title: 'ClientIP', rows, wrong }
}

async function compiling(): Promise<Finding> {
  const document = byHost(many)
  const text = JSON.stringify(document)
  const parseStart = performance.now()
  const parsed = JSON.parse(text) as typeof document
  const parseMs = performance.now() - parseStart
  progress('compile')
  const compileStart = performance.now()
  Router.compile(document)
  const compileMs = performance.now() - compileStart
  timeParsing()
  const engine = new ProxyEngine()
  const probe = new LoopProbe()
  probe.start()
  const applyStart = performance.now()
  await engine.apply(parsed)
  const applyMs = performance.now() - applyStart
  const { longest, garbage } = probe.stop()
  await engine.close()
  const rows: Row[] = [
    { work: 'JSON.parse', ms: parseMs, 'to reach': 'shown apart' },
    { work: 'Router.compile, at once', ms: compileMs, 'to reach': '<= 1500' },
    {
      work: 'ProxyEngine.apply: validate, merge, compile, swap, in slices',
      ms: applyMs,
      'to reach': '<= 1500',
    },
    { work: 'the longest of them', ms: longest, 'to reach': '<= 50' },
    { work: 'of it, a pause for garbage', ms: garbage },
  ]
  return { title: `${many} frontends from the parsed document`, rows, wrong: {} }
}

async function memory(): Promise<Finding> {
  progress('memory')
  const document = byHost(many)
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = heap()
  const router = Router.compile(document)
  const bytes = (heap() - before) / many
  const few = Router.compile(byHost(1))
  const rows: Row[] = [{ what: 'bytes a frontend, beside the document', value: bytes, 'to reach': '<= 2048' }]
  for (const [name, subject, count] of [
    ['1 frontend', few, 1],
    [`${many} frontends`, router, many],
  ] as const) {
    const requests = draw(count, 10_000).map((index) => facts({ host: hostOf(index) }))
    for (const request of requests) subject.match(request)
    const start = heap()
    for (const request of requests) subject.match(request)
    const spent = (process.memoryUsage().heapUsed - start) / requests.length
    rows.push({
      what: `bytes allocated by a match, ${name}`,
      value: Math.max(0, spent),
      'to reach': 'no growth',
    })
  }
  return { title: 'Memory', rows, wrong: {} }
}

await runBench('routing', [matching, clientRanges, compiling, memory], values.json)
