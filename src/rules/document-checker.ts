import type { Backend, Buffering, Frontend, LoadBalancer, RuleSpec, Server } from '../model/config.js'
import type { Issue } from '../model/errors.js'
import type { MatcherFactory } from '../model/request-facts.js'
import { type BalancerFactory, balancerTable, LATER_STRATEGIES } from './balancers.js'
import {
  BACKEND,
  BUFFERING,
  describeValue,
  FRONTEND,
  LOAD_BALANCER,
  pathOf,
  quote,
  RESERVED_NAMES,
  ROUTE,
  SERVER,
  type Shape,
} from './document-shapes.js'
import { type MatcherTable, matcherTable } from './matchers.js'
import { suggestName } from './nearest-name.js'
import { nullRecord, present } from './records.js'
import { compileRule } from './rule-matcher.js'
import { hideUserinfo, parseServerUrl } from './server-url.js'

/** What a document may use beside what is built in, and what to do with fields that are not built yet. */
export interface ValidateOptions {
  /** The host's own matchers, by name. */
  readonly matchers?: Readonly<Record<string, MatcherFactory>>
  /** The host's own strategies, by name. */
  readonly balancers?: Readonly<Record<string, BalancerFactory>>
  /** `refuse` (default): a field that is not built yet is an issue. `warn`: it is a warning, and ignored. */
  readonly unsupportedFields?: 'refuse' | 'warn'
}

/**
 * Walks a document and copies what is right, noting what is wrong. While there are issues the copies hold
 * placeholders; nobody gets to see them.
 */
export class DocumentChecker {
  readonly issues: Issue[] = []
  readonly warnings: Issue[] = []
  readonly #matchers: MatcherTable
  readonly #methods: readonly string[]
  readonly #warn: boolean
  /** Listed once: the names of a hundred thousand backends take 30 ms to list. */
  #suggested: readonly string[] | undefined

  constructor(options: ValidateOptions) {
    this.#matchers = matcherTable(options.matchers)
    this.#methods = [...balancerTable(options.balancers).keys()]
    this.#warn = options.unsupportedFields === 'warn'
  }

  frontend(value: unknown, path: string, backends: Readonly<Record<string, Backend>>): Frontend {
    const fields = this.object(value, path, FRONTEND)
    if (!fields) return { backend: '' }
    this.#onlyOneRuleForm(fields, path)
    return present({
      backend: this.#backendName(fields['backend'], `${path}.backend`, backends),
      rule: this.#rule(fields['rule'], `${path}.rule`),
      routes: this.#routes(fields['routes'], `${path}.routes`),
      priority: this.#wholeNumber(fields['priority'], `${path}.priority`),
      entryPoints: this.#texts(fields['entryPoints'], `${path}.entryPoints`),
      passHostHeader: this.#flag(fields['passHostHeader'], `${path}.passHostHeader`),
    })
  }

  backend(value: unknown, path: string): Backend {
    const fields = this.object(value, path, BACKEND)
    const servers = nullRecord<Server>()
    if (!fields) return { servers }
    for (const entry of this.names(fields['servers'], `${path}.servers`)) {
      if (!entry) continue
      const [name, server] = entry
      servers[name] = this.#server(server, pathOf(`${path}.servers`, name))
    }
    return present({
      servers,
      loadBalancer: this.#loadBalancer(fields['loadBalancer'], `${path}.loadBalancer`),
      buffering: this.#buffering(fields['buffering'], `${path}.buffering`),
    })
  }

  /** An object's fields, if it is one; fields that its kind does not have are noted. */
  object(value: unknown, path: string, shape: Shape): Readonly<Record<string, unknown>> | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#note(path, 'INVALID_TYPE', `expected an object, found ${describeValue(value)}`)
      return undefined
    }
    // Only its own fields, so that nothing is believed that the document does not say itself.
    const fields: Record<string, unknown> = {}
    for (const name of Object.keys(value)) {
      if (shape.now.includes(name)) fields[name] = (value as Record<string, unknown>)[name]
      else this.#unknownField(pathOf(path, name), name, shape)
    }
    return fields
  }

  /** The entries of a required object whose keys are names; `undefined` for one whose key is none. */
  *names(value: unknown, path: string): Generator<[name: string, value: unknown] | undefined, void> {
    if (value === undefined) {
      this.#note(path, 'MISSING_FIELD', `expected an object of names, found nothing`)
      return
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#note(path, 'INVALID_TYPE', `expected an object of names, found ${describeValue(value)}`)
      return
    }
    for (const name of Object.keys(value)) {
      yield this.#isName(name, path) ? [name, (value as Record<string, unknown>)[name]] : undefined
    }
  }

  text(value: unknown, path: string): string | undefined {
    if (value === undefined || typeof value === 'string') return value
    this.#note(path, 'INVALID_TYPE', `expected a text, found ${describeValue(value)}`)
    return undefined
  }

  #isName(name: string, path: string): boolean {
    if (/^[a-z][\w.:/-]*$/i.test(name) && !RESERVED_NAMES.includes(name)) return true
    const flaw = RESERVED_NAMES.includes(name)
      ? 'is reserved'
      : name === ''
        ? 'is empty'
        : name.includes('@')
          ? 'holds "@", which stands between a name and its provider'
          : /\p{Cc}/u.test(name)
            ? 'holds a control character'
            : undefined
    if (flaw) this.#note(pathOf(path, name), 'INVALID_NAME', `the name ${quote(name)} ${flaw}`)
    return !flaw
  }

  #unknownField(path: string, name: string, { now, later }: Shape): void {
    if (later.includes(name)) {
      const issue: Issue = { path, code: 'NOT_SUPPORTED', message: `${name} of Traefik is not supported yet` }
      if (this.#warn) this.warnings.push(issue)
      else this.issues.push(issue)
      return
    }
    const suggestion = suggestName(name, [...now, ...later])
    this.#note(path, 'UNKNOWN_FIELD', `there is no field ${quote(name)} here${suggestion}`)
  }

  #onlyOneRuleForm(fields: Readonly<Record<string, unknown>>, path: string): void {
    const { rule, routes } = fields
    if (rule !== undefined && routes !== undefined) {
      this.#note(path, 'INVALID_VALUE', 'expected either rule or routes, found both')
    } else if (rule === undefined && (routes === undefined || isEmptyObject(routes))) {
      this.#note(
        path,
        'MISSING_RULE',
        'expected a rule, or routes with at least one: a frontend without any would take every request',
      )
    }
  }

  #backendName(value: unknown, path: string, backends: Readonly<Record<string, Backend>>): string {
    if (value === undefined) {
      this.#note(path, 'MISSING_BACKEND', 'expected the name of a backend, found nothing')
      return ''
    }
    const name = this.text(value, path)
    if (name === undefined) return ''
    const at = name.indexOf('@')
    if (at >= 0) {
      const whole = /^[^@]+@[^@]+$/.test(name)
      if (!whole) this.#note(path, 'INVALID_VALUE', `expected name@provider, found ${quote(name)}`)
    } else if (!(name in backends)) {
      this.#suggested ??= Object.keys(backends).slice(0, MAX_SUGGESTED_FROM)
      const suggestion = suggestName(name, this.#suggested)
      this.#note(path, 'MISSING_BACKEND', `there is no backend ${quote(name)}${suggestion}`)
    }
    return name
  }

  #routes(value: unknown, path: string): Frontend['routes'] | undefined {
    if (value === undefined) return undefined
    const routes = nullRecord<{ rule: string | RuleSpec }>()
    for (const entry of this.names(value, path)) {
      if (!entry) continue
      const [name, route] = entry
      const at = pathOf(path, name)
      const rule = this.object(route, at, ROUTE)
      if (!rule) continue
      if (rule['rule'] === undefined) this.#note(at, 'MISSING_RULE', 'expected a rule, found nothing')
      routes[name] = { rule: this.#rule(rule['rule'], `${at}.rule`) ?? '' }
    }
    return routes
  }

  #rule(value: unknown, path: string): string | RuleSpec | undefined {
    if (value === undefined) return undefined
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
      this.#note(path, 'INVALID_TYPE', `expected a rule as text or data, found ${describeValue(value)}`)
      return undefined
    }
    const { issues } = compileRule(value, this.#matchers)
    for (const { code, message } of issues) this.#note(path, code, message)
    if (typeof value === 'string') return value
    return issues.length > 0 ? undefined : structuredClone(value)
  }

  #wholeNumber(value: unknown, path: string): number | undefined {
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined
    this.#note(path, 'INVALID_TYPE', `expected a whole number, found ${describeValue(value)}`)
    return undefined
  }

  #flag(value: unknown, path: string): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value
    this.#note(path, 'INVALID_TYPE', `expected true or false, found ${describeValue(value)}`)
    return undefined
  }

  #texts(value: unknown, path: string): readonly string[] | undefined {
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string'))
      return [...value]
    this.#note(path, 'INVALID_TYPE', `expected a list of at least one text, found ${describeValue(value)}`)
    return undefined
  }

  #server(value: unknown, path: string): Server {
    const fields = this.object(value, path, SERVER)
    if (!fields) return { url: '' }
    if (fields['url'] === undefined)
      this.#note(`${path}.url`, 'MISSING_FIELD', 'expected a URL, found nothing')
    return present({
      url: this.#url(fields['url'], `${path}.url`),
      weight: this.#weight(fields['weight'], `${path}.weight`),
    })
  }

  #url(value: unknown, path: string): string {
    const text = this.text(value, path)
    if (text === undefined) return ''
    const { flaw } = parseServerUrl(text)
    if (flaw) this.#note(path, 'INVALID_URL', `${quote(hideUserinfo(text))} ${flaw}`)
    return text
  }

  #weight(value: unknown, path: string): number | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'number' && value >= 0 && value <= MAX_WEIGHT) return value
    const code = typeof value === 'number' ? 'INVALID_VALUE' : 'INVALID_TYPE'
    this.#note(path, code, `expected a number from 0 to ${MAX_WEIGHT}, found ${describeValue(value)}`)
    return undefined
  }

  #loadBalancer(value: unknown, path: string): LoadBalancer | undefined {
    if (value === undefined) return undefined
    const fields = this.object(value, path, LOAD_BALANCER)
    const method = this.text(fields?.['method'], `${path}.method`)
    if (method === undefined) return {}
    if (LATER_STRATEGIES.includes(method) && !this.#methods.includes(method)) {
      this.#note(`${path}.method`, 'NOT_SUPPORTED', `the strategy ${method} of Traefik is not supported yet`)
    } else if (!this.#methods.includes(method)) {
      const suggestion = suggestName(method, this.#methods)
      this.#note(`${path}.method`, 'INVALID_VALUE', `there is no strategy ${quote(method)}${suggestion}`)
    }
    return { method }
  }

  #buffering(value: unknown, path: string): Buffering | undefined {
    if (value === undefined) return undefined
    const at = `${path}.maxRequestBodyBytes`
    const bytes = this.#wholeNumber(this.object(value, path, BUFFERING)?.['maxRequestBodyBytes'], at)
    return present({ maxRequestBodyBytes: bytes })
  }

  #note(path: string, code: Issue['code'], message: string): void {
    this.issues.push({ path, code, message })
  }
}

/** Beyond it sums of weights lose their small ones, and shares go wrong. */
const MAX_WEIGHT = 1_000_000

/** A thousand misspelt references to a hundred thousand backends must not stop the process to be helpful. */
const MAX_SUGGESTED_FROM = 500

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
