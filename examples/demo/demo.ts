import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiConfigFetcher, type ConfigChanged, createProxy, type ReverseProxy } from 'switchover'
import { type Ask, httpGet } from '../../test/support/http-get.js'
import { StrictLoad } from '../../test/support/strict-load.js'
import { type AliasStore, openAliasStore } from './alias-store.js'
import { ConfigApi } from './config-api.js'
import { describeChange, describeSteps, event, headline, say, table, verdict } from './report.js'
import { PREFIXES, QUESTIONS, startServers, writeVersion1, writeVersion2, writeVersion3 } from './versions.js'

const HELP = `npm run demo [-- OPTIONS]

Starts four servers, a config API, an alias store and a proxy on free loopback ports, and flips the alias under load.

  --etcd URL   keep the alias in the etcd there, for example --etcd http://127.0.0.1:2379
  --etcd       start an etcd for it (from ETCD_BIN, PATH, or the distribution's packages)
  --keep       leave everything running afterwards, with curl lines to try
  --help       this text`

const CONNECTIONS_PER_QUESTION = 4
const LOAD_MS = 1_500

// Linux owns all of 127.0.0.0/8, so clients ask from real addresses; elsewhere they say theirs in a header that the
// proxy is told to believe.
const realAddresses = process.platform === 'linux'

interface Options {
  readonly etcd?: string
  readonly keep: boolean
}

async function main({ etcd, keep }: Options): Promise<boolean> {
  const servers = await startServers()
  const api = await new ConfigApi().start()
  const store = await openAliasStore(etcd)
  writeVersion1(api, servers)
  await store.write(PREFIXES.v1)
  const proxy = createProxy({
    providers: [store.provider(new ApiConfigFetcher({ url: api.url }))],
    trustedProxies: realAddresses ? [] : ['127.0.0.1'],
  })
  const served = countByVersion(proxy)
  const { port, url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready({ timeoutMs: 10_000 })

  headline('Switchover: one write to an alias key switches a running proxy')
  table([
    ['what', 'where'],
    ['proxy', url],
    ['config API', api.url],
    ['alias', store.description],
  ])
  headline(`The alias names ${PREFIXES.v1}`)
  await tellRoutes(port)
  tellEvents(proxy)

  const total = QUESTIONS.length * CONNECTIONS_PER_QUESTION
  headline(`Load: ${total} connections ask without a pause`)
  const load = new StrictLoad(judge).start(total, (connection) => askOf(port, connection))
  await delay(LOAD_MS)
  writeVersion2(api, servers)
  api.delete(PREFIXES.v1)
  await delay(200)
  say(
    `  ${PREFIXES.v2} was written piece by piece, ${PREFIXES.v1} deleted: nothing changed, ${load.failures.length} failed`,
  )

  headline(`The alias is written: ${PREFIXES.v2}`)
  await flip(proxy, store)
  await delay(LOAD_MS)
  await tellRoutes(port)

  headline(`The alias is written: ${PREFIXES.v3}, in which somebody made mistakes`)
  writeVersion3(api, servers)
  const refused = new Promise((resolve) => proxy.once('configRejected', resolve))
  await store.write(PREFIXES.v3)
  await refused
  await delay(200)
  say(`  ${PREFIXES.v2} goes on serving`)
  await load.stop()

  for (const failure of load.failures.slice(0, 10)) say(`  failed: ${failure}`)
  const failed = load.failures.length
  if (!keep) await closeAll([proxy, api, store, ...Object.values(servers)])
  verdict(
    `${served.get(PREFIXES.v1) ?? 0} requests served by v1, ${served.get(PREFIXES.v2) ?? 0} by v2, ${failed} failed`,
    failed === 0,
  )
  if (keep) await keepRunning(url)
  return failed === 0
}

async function flip(proxy: ReverseProxy, store: AliasStore): Promise<void> {
  const switched = new Promise<ConfigChanged>((resolve) => proxy.once('configChanged', resolve))
  const start = performance.now()
  await store.write(PREFIXES.v2)
  const { steps } = await switched
  say(
    `  ${(performance.now() - start).toFixed(1)} ms from the write to the switch; of these, in ms: ${describeSteps(steps)}`,
  )
}

function tellEvents(proxy: ReverseProxy): void {
  proxy.on('configChanged', (change) => event('configChanged', describeChange(change)))
  proxy.on('configRejected', ({ version, error }) => {
    event('configRejected', `${version}: ${error.issues.length} issues`)
    for (const { path, code, message } of error.issues) say(`    ${path}: ${message} [${code}]`)
  })
  proxy.on('providerUnavailable', ({ error }) => event('providerUnavailable', error.message))
  proxy.on('providerRecovered', ({ downMs }) => event('providerRecovered', `after ${Math.round(downMs)} ms`))
}

function countByVersion(proxy: ReverseProxy): ReadonlyMap<string, number> {
  const versions = new Map<number, string>()
  const served = new Map<string, number>()
  proxy.on('configChanged', ({ generation, version = '' }) => versions.set(generation, version))
  proxy.on('requestFinished', ({ generation }) => {
    const version = versions.get(generation) ?? ''
    served.set(version, (served.get(version) ?? 0) + 1)
  })
  return served
}

/** The table of routes, by asking: what a client sees, not what was configured. */
async function tellRoutes(port: number): Promise<void> {
  const rows: string[][] = [['client', 'host', 'server']]
  for (const [index, { range, host }] of QUESTIONS.entries()) {
    const seen = new Set<string>()
    for (let round = 0; round < 4; round++) {
      const { status, body } = await httpGet(askOf(port, index))
      seen.add(status === 200 ? body.trim() : `${status}`)
    }
    rows.push([range, host, [...seen].sort().join(', ')])
  }
  table(rows)
}

function askOf(port: number, index: number): Ask {
  const { client, host } = QUESTIONS[index % QUESTIONS.length] as (typeof QUESTIONS)[number]
  return { port, host, ...(realAddresses ? { from: client } : { headers: { 'x-forwarded-for': client } }) }
}

/** In version 1 the third range has no route: its 404 is right. */
function judge({ status, body }: { status: number; body: string }, connection: number): string | undefined {
  if (status === 200 || (status === 404 && connection % QUESTIONS.length === 2)) return undefined
  return `status ${status}: ${body.trim()}`
}

async function keepRunning(url: string): Promise<void> {
  headline('Still running; try')
  for (const { client, host } of QUESTIONS) {
    const from = realAddresses ? `--interface ${client}` : `-H 'X-Forwarded-For: ${client}'`
    say(`  curl ${from} -H 'Host: ${host}' ${url}/`)
  }
  say('Ctrl-C ends it.')
  await once(process, 'SIGINT')
  process.exit(0)
}

async function closeAll(parts: readonly { close(): Promise<unknown> }[]): Promise<void> {
  for (const part of parts) await part.close()
}

function readOptions(args: readonly string[]): Options {
  let etcd: string | undefined
  let keep = false
  const rest = [...args]
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--help') {
      say(HELP)
      process.exit(0)
    } else if (arg === '--keep') keep = true
    else if (arg === '--etcd') etcd = rest[0]?.startsWith('http') ? rest.shift() : 'start'
    else if (arg.startsWith('--etcd=')) etcd = arg.slice('--etcd='.length)
    else {
      say(`There is no option ${arg}.\n\n${HELP}`)
      process.exit(2)
    }
  }
  return { keep, ...(etcd !== undefined && { etcd }) }
}

try {
  process.exitCode = (await main(readOptions(process.argv.slice(2)))) ? 0 : 1
} catch (error) {
  say(`The demo could not go on: ${(error as Error).message}`)
  process.exit(1)
}
