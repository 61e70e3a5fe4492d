import { readClientAddress } from '../base/cidr.js'
import { quote } from '../base/messages.js'
import type { RequestExplanation } from '../engine/snapshot.js'
import type { ProviderConfig } from '../model/config.js'
import { asError } from '../model/errors.js'
import { StaticProvider } from '../providers/static-provider.js'
import { createProxy, type ReverseProxy } from '../proxy/create-proxy.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { RequestSketch } from '../proxy/request-sketch.js'
import { describeRefusal } from '../routing/explain-route.js'
import { parseRule } from '../rules/parse-rule.js'
import { secretsOf } from '../rules/secret-values.js'
import { readStaticConfig } from '../static-config/read-static-config.js'
import { masked, withoutValues } from '../status/masked.js'
import { validateConfig } from '../validation/validate-config.js'
import type { FoundStaticConfig } from './find-static-config.js'
import { type Finding, locate, mergeNamed, readNamed, textOf } from './read-documents.js'
import { tellDroppedGuards } from './tell-dropped-guards.js'
import type { Terminal } from './terminal.js'

/** How long providers have for their first configuration, in milliseconds. */
const READY_MS = 10_000
/** How many frontends that do not get the request are told of. */
const MAX_OTHERS = 20

/** Where frontends come from: documents, or the providers of a static configuration. */
export type ExplainSource = { readonly files: readonly string[] } | { readonly config: FoundStaticConfig }

/**
 * Prints which frontend would win a request.
 *
 * @returns 0: one does; 1: none does; 2: that cannot be told
 */
export async function explainRequest(
  source: ExplainSource,
  request: RequestSketch,
  isJson: boolean,
  terminal: Terminal,
): Promise<number> {
  // The word of RFC 7239, section 6.2, for a client whose address nobody tells.
  if (request.clientAddress !== 'unknown' && readClientAddress(request.clientAddress) === undefined) {
    terminal.fail(
      `--client-ip: expected an address, as 10.0.1.7 or ::1, or unknown, found ${quote(request.clientAddress)}`,
    )
    return 2
  }
  let proxy: ReverseProxy | undefined
  try {
    const { options, entryPoint, entryPoints } = await ('files' in source
      ? fromFiles(source.files, request.entryPoint)
      : fromStaticConfig(source.config))
    if (request.entryPoint !== undefined && entryPoints && !entryPoints.includes(request.entryPoint)) {
      const known = entryPoints.join(', ')
      terminal.fail(`there is no entry point ${quote(request.entryPoint)}; there are ${known}`)
      return 2
    }
    proxy = createProxy(options)
    tellDroppedGuards(proxy, terminal)
    const isReady = await proxy.ready({ timeoutMs: READY_MS }).then(
      () => true,
      (error: Error) => {
        terminal.fail(masked(error.message))
        return false
      },
    )
    const where = request.entryPoint ?? entryPoint
    const explanation = proxy.explain({ ...request, ...(where !== undefined && { entryPoint: where }) })
    const secrets = secretsOfAll(explanation)
    const shown = (text: string): string => withoutValues(masked(text), secrets)
    // In JSON each text by itself: between quotes it may look different.
    const hidden = (_name: string, value: unknown) => (typeof value === 'string' ? shown(value) : value)
    terminal.print(isJson ? JSON.stringify(explanation, hidden, 2) : shown(inWords(explanation, terminal)))
    if (explanation.winner) return 0
    // One that is missing might have had it.
    return isReady ? 1 : 2
  } catch (thrown) {
    terminal.fail(masked(asError(thrown).message))
    return 2
  } finally {
    await proxy?.close({ drainMs: 0 })
  }
}

interface ExplainedProxy {
  readonly options: ProxyOptions
  /** Where requests come in, if nothing else is said. */
  readonly entryPoint?: string | undefined
  /** All there are, if that is known. */
  readonly entryPoints?: readonly string[]
}

/** All files make one document. @throws Error with every issue and where it stands */
async function fromFiles(paths: readonly string[], entryPoint: string | undefined): Promise<ExplainedProxy> {
  const named = await Promise.all(paths.map(readNamed))
  const files = named.flatMap(({ documents }) => documents)
  const unusable = named.flatMap((one) => one.unusable)
  if (unusable.length > 0) throw new Error(unusable.map(lineOf).join('\n'))
  const [config] = named.flatMap(({ staticConfigs }) => staticConfigs)
  if (config && files.length === 0)
    throw new Error(`${config.name}: a static configuration; give it as --configFile`)
  if (files.length === 0) throw new Error(`${paths.join(', ')}: no document found`)
  const merged = await mergeNamed(files)
  if ('issues' in merged) throw new Error(merged.issues.map(lineOf).join('\n'))
  const checked = validateConfig(merged.document)
  if (!checked.ok) throw new Error((await locate(checked.issues, files)).map(lineOf).join('\n'))
  const document = entryPoint === undefined ? onAll(checked.config) : checked.config
  return { options: { providers: [new StaticProvider({ config: document, name: 'file' })] } }
}

/** Where a request comes in is not known of documents alone, so it keeps none of their frontends from it. */
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

/** Only what routes: nothing listens, and nothing is written. */
async function fromStaticConfig({ source, overrides }: FoundStaticConfig): Promise<ExplainedProxy> {
  const { options, listen } = await readStaticConfig(source, overrides)
  const {
    status: _status,
    accessLog: _log,
    logLevel: _level,
    logger: _logger,
    lastGood: _kept,
    ...routing
  } = options
  const entryPoints = listen.flatMap((at) => (typeof at === 'object' && at.entryPoint) || [])
  return { options: routing, entryPoint: entryPoints[0], entryPoints }
}

/** What rules expect of headers that say who asks is for nobody to read. */
function secretsOfAll({ winner, refused, outranked }: RequestExplanation): readonly string[] {
  const rules = [...(winner ? [winner] : []), ...refused, ...outranked].map(({ rule }) => rule)
  return [...new Set(rules.flatMap(secretsIn))]
}

/** A frontend's routes stand in one text, with ` && ` between them, whatever the form of each. */
function secretsIn(rule: string): readonly string[] {
  return [rule, ...rule.split(' && ')].flatMap((part) => {
    const { tree } = parseRule(part)
    return tree ? secretsOf(tree) : []
  })
}

function inWords({ winner, refused, outranked, servers }: RequestExplanation, terminal: Terminal): string {
  const { bold, dim, green, red } = terminal.colours
  const lines = winner
    ? [
        `${green(bold(winner.frontend))} wins`,
        `  rule      ${winner.rule}`,
        `  priority  ${winner.priority}`,
        `  backend   ${winner.backend}`,
        ...servers.map(({ name, url, weight }) => `  server    ${name}: ${masked(url)}, weight ${weight}`),
        ...(winner.path === undefined ? [] : [`  path      ${winner.path}`]),
        ...(winner.answer === undefined ? [] : [`  answer    ${answerOf(winner.answer)}`]),
      ]
    : [red('no frontend matches')]
  const others = [
    ...outranked.map(
      ({ frontend, priority }) => `  ${frontend} ${dim(`matches too, with priority ${priority}`)}`,
    ),
    ...refused.map((one) => `  ${one.frontend} ${dim(masked(describeRefusal(one)))}`),
  ]
  const more = others.length - MAX_OTHERS
  return [
    ...lines,
    ...others.slice(0, MAX_OTHERS),
    ...(more > 0 ? [dim(`  and ${more} more that do not get it`)] : []),
  ].join('\n')
}

function answerOf(answer: NonNullable<NonNullable<RequestExplanation['winner']>['answer']>): string {
  return answer.status === 301 ? `301 to ${answer.location}` : '403: the white list keeps this client out'
}
