import { readClientAddress } from '../base/cidr.js'
import { maskCredentials } from '../base/credentials.js'
import { quote } from '../base/messages.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { ProviderConfig } from '../model/config.js'
import { asError } from '../model/errors.js'
import { StaticProvider } from '../providers/static-provider.js'
import { createProxy } from '../proxy/create-proxy.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { RequestSketch } from '../proxy/request-sketch.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import { describeAnswer, describeRefusal } from '../routing/explain-route.js'
import { parseRule } from '../rules/parse-rule.js'
import { secretsOf } from '../rules/secret-values.js'
import { readStaticConfig } from '../static-config/read-static-config.js'
import { withoutValues } from '../status/masked.js'
import { validateConfig } from '../validation/validate-config.js'
import type { FoundStaticConfig } from './find-static-config.js'
import { type Finding, locate, mergeNamed, readNamed, textOf } from './read-documents.js'
import { tellDroppedGuards } from './tell-dropped-guards.js'
import type { Terminal } from './terminal.js'

/** Milliseconds that providers have to deliver their first configuration before the command `explain` continues without it. */
const READY_MS = 10_000
/** The highest number of frontends that the output lists besides the one that wins the request. */
const MAX_OTHERS = 20

/** The source of the frontends: configuration documents, or the providers of a static configuration. */
export type ExplainSource = { readonly files: readonly string[] } | { readonly config: FoundStaticConfig }

/**
 * Runs the command `explain`: prints which frontend would serve a request.
 *
 * @returns the exit code: 0 if a frontend matches, 1 if none matches, 2 if this cannot be decided, such as for unreadable files
 */
export async function explainRequest(
  source: ExplainSource,
  request: RequestSketch,
  isJson: boolean,
  terminal: Terminal,
): Promise<number> {
  const flaw =
    flawOfAddress('--client-ip', request.clientAddress) ?? flawOfAddress('--peer-ip', request.peerAddress)
  if (flaw !== undefined) {
    terminal.fail(flaw)
    return 2
  }
  let proxy: ReverseProxy | undefined
  try {
    const { options, entryPoint, entryPoints } = await ('files' in source
      ? fromFiles(source.files, request.entryPoint)
      : fromStaticConfig(source.config))
    if (request.entryPoint !== undefined && entryPoints && !entryPoints.includes(request.entryPoint)) {
      const known = entryPoints.join(', ')
      terminal.fail(`there is no entry point ${quote(request.entryPoint)}; the known ones are ${known}`)
      return 2
    }
    proxy = createProxy(options)
    tellDroppedGuards(proxy, terminal)
    const isReady = await proxy.ready({ timeoutMs: READY_MS }).then(
      () => true,
      (error: Error) => {
        terminal.fail(maskCredentials(error.message))
        return false
      },
    )
    const where = request.entryPoint ?? entryPoint
    const explanation = proxy.explain({ ...request, ...(where !== undefined && { entryPoint: where }) })
    const secrets = secretsOfAll(explanation)
    const shown = (text: string): string => withoutValues(maskCredentials(text), secrets)
    // Masks secrets in each string before `JSON.stringify` escapes it. In escaped text, a secret with a quote or a backslash
    // would not be found.
    const hidden = (_name: string, value: unknown) => (typeof value === 'string' ? shown(value) : value)
    terminal.print(isJson ? JSON.stringify(explanation, hidden, 2) : shown(inWords(explanation, terminal)))
    if (explanation.winner) return 0
    // If no frontend matches, the exit code is 1, or 2 if a provider has delivered nothing: that provider might have a matching
    // frontend.
    return isReady ? 1 : 2
  } catch (thrown) {
    terminal.fail(maskCredentials(asError(thrown).message))
    return 2
  } finally {
    await proxy?.close({ drainMs: 0 })
  }
}

/** Returns what is wrong with an address. The word `unknown` stands for no known address (RFC 7239, section 6.2). */
function flawOfAddress(option: string, address = 'unknown'): string | undefined {
  if (address === 'unknown' || readClientAddress(address) !== undefined) return undefined
  return `${option}: expected an address such as 10.0.1.7 or ::1, or the word unknown, found ${quote(address)}`
}

interface ExplainedProxy {
  readonly options: ProxyOptions
  /** The entry point to assume for the request if the command line names none. */
  readonly entryPoint?: string | undefined
  /** The names of all entry points. Undefined if the frontends come from documents, which do not list entry points. */
  readonly entryPoints?: readonly string[]
}

/**
 * Merges all files into one configuration document, and returns options for a proxy with that document.
 *
 * @throws Error with every problem of the files, each with file, line and column
 */
async function fromFiles(paths: readonly string[], entryPoint: string | undefined): Promise<ExplainedProxy> {
  const named = await Promise.all(paths.map(readNamed))
  const files = named.flatMap(({ documents }) => documents)
  const unusable = named.flatMap((one) => one.unusable)
  if (unusable.length > 0) throw new Error(unusable.map(lineOf).join('\n'))
  const [config] = named.flatMap(({ staticConfigs }) => staticConfigs)
  if (config && files.length === 0)
    throw new Error(
      `${config.name}: expected a document, found a static configuration; pass it with --configFile`,
    )
  if (files.length === 0) throw new Error(`${paths.join(', ')}: no document found`)
  const merged = await mergeNamed(files)
  if ('issues' in merged) throw new Error(merged.issues.map(lineOf).join('\n'))
  const checked = validateConfig(merged.document)
  if (!checked.ok) throw new Error((await locate(checked.issues, files)).map(lineOf).join('\n'))
  const document = entryPoint === undefined ? onAll(checked.config) : checked.config
  return { options: { providers: [new StaticProvider({ config: document, name: 'file' })] } }
}

/**
 * Returns a copy in which no frontend is limited to entry points. If the command line names no entry point, every frontend may
 * match.
 */
function onAll(config: ProviderConfig): ProviderConfig {
  const frontends = Object.entries(config.frontends).map(([name, { entryPoints: _, ...frontend }]) => [
    name,
    frontend,
  ])
  return { ...config, frontends: Object.fromEntries(frontends) }
}

function lineOf(finding: Finding): string {
  return `${finding.place}: ${textOf(finding)}`
}

/**
 * Reads a static configuration, and returns the options that affect routing. Without the other options, `explain` opens no
 * listener and writes no file.
 */
async function fromStaticConfig({ source, overrides }: FoundStaticConfig): Promise<ExplainedProxy> {
  const { options, listen } = await readStaticConfig(source, overrides)
  const {
    status: _status,
    accessLog: _log,
    logLevel: _level,
    logger: _logger,
    lastGood: _kept,
    entryPoints = {},
    ...routing
  } = options
  // Only the trusted proxies of an entry point affect routing.
  const trusts = Object.entries(entryPoints).map(([name, { trustedProxies = [] }]) => [
    name,
    { trustedProxies },
  ])
  return {
    options: { ...routing, entryPoints: Object.fromEntries(trusts) },
    entryPoint: listen[0],
    entryPoints: listen,
  }
}

/** Returns the values that rules expect of headers with credentials, such as `Authorization`. The output masks these values. */
function secretsOfAll({ winner, refused, outranked }: RequestExplanation): readonly string[] {
  const rules = [...(winner ? [winner] : []), ...refused, ...outranked].map(({ rule }) => rule)
  return [...new Set(rules.flatMap(secretsIn))]
}

/**
 * Returns the secret values in a rule. The rule may join several routes by ` && `, and each route may have its own syntax. So
 * each route is also parsed alone.
 */
function secretsIn(rule: string): readonly string[] {
  return [rule, ...rule.split(' && ')].flatMap((part) => {
    const { tree } = parseRule(part)
    return tree ? secretsOf(tree) : []
  })
}

function inWords(
  { winner, refused, outranked, servers, entryPoint }: RequestExplanation,
  terminal: Terminal,
): string {
  const { bold, dim, green, red } = terminal.colours
  const before = entryPoint
    ? [
        ...entryPoint.steps.map(({ middleware, verdict }) => `entry point: ${middleware}: ${verdict}`),
        ...(entryPoint.answer ? [red(`${entryPoint.answer.status}: the entry point answers`)] : []),
      ]
    : []
  const lines = winner
    ? [
        `${green(bold(winner.frontend))} wins`,
        `  rule      ${winner.rule}`,
        `  priority  ${winner.priority}`,
        `  backend   ${winner.backend}`,
        ...servers.map(
          ({ name, url, weight }) => `  server    ${name}: ${maskCredentials(url)}, weight ${weight}`,
        ),
        ...(winner.path === undefined ? [] : [`  path      ${winner.path}`]),
        ...winner.chain.map(({ middleware, verdict }) => `  chain     ${middleware}: ${verdict}`),
        ...(winner.answer ? [`  answer    ${describeAnswer(winner.answer, winner.chain)}`] : []),
      ]
    : [red('no frontend matches')]
  const others = [
    ...outranked.map(
      ({ frontend, priority }) => `  ${frontend} ${dim(`matches too, with priority ${priority}`)}`,
    ),
    ...refused.map((one) => `  ${one.frontend} ${dim(maskCredentials(describeRefusal(one)))}`),
  ]
  const more = others.length - MAX_OTHERS
  return [
    ...before,
    ...lines,
    ...others.slice(0, MAX_OTHERS),
    ...(more > 0 ? [dim(`  and ${more} more frontends that do not serve it`)] : []),
  ].join('\n')
}
