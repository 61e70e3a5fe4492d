import { type StrategyFactory, strategyTable } from '../balancing/strategies.js'
import { parseRange } from '../base/cidr.js'
import { describeValue, pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { nullRecord, present } from '../base/records.js'
import type { Backend, Frontend, RuleSpec, WhiteList } from '../model/config.js'
import { compileRule } from '../rules/compile-rule.js'
import { type MatcherOptions, type MatcherTable, matcherTable } from '../rules/matchers.js'
import { withoutSecrets } from '../rules/secret-values.js'
import { BackendChecker } from './backend-checker.js'
import { FRONTEND, ROUTE, WHITE_LIST } from './document-shapes.js'
import type { FieldChecker } from './field-checker.js'
import type { UnsupportedFields } from './unsupported-fields.js'

/**
 * What a document may use besides what is built in, and what happens to fields that are not built yet.
 *
 * @example
 * ```ts
 * const options: ValidateOptions = {
 *   matchers: { Tenant: (names) => ({ headers }) => names.includes(String(headers['x-tenant'])) },
 *   unsupportedFields: 'warn',
 * }
 * const checked = validateConfig(document, options)
 * ```
 */
export interface ValidateOptions extends MatcherOptions {
  /**
   * The host's own strategies, by the name that `loadBalancer.method` uses.
   *
   * @default {}
   */
  readonly strategies?: Readonly<Record<string, StrategyFactory>>
  /**
   * What happens to fields of Traefik that are not built yet. `'refuse'` makes each an issue. `'warn'` leaves each out with a
   * warning, but a guard such as `auth` stays an issue. `{ warn: ['frontends.*.auth'] }` leaves out the fields at these paths,
   * guards too.
   *
   * @default 'refuse'
   */
  readonly unsupportedFields?: UnsupportedFields
}

/**
 * Checks the frontends and backends of a document, copies what is right and notes what is wrong. If there are issues, the copies
 * contain placeholders and are thrown away.
 */
export class DocumentChecker {
  readonly #fields: FieldChecker
  readonly #matchers: MatcherTable
  readonly #backends: BackendChecker
  /** The names that a misspelt backend is compared with. They are listed once, because listing 100,000 names takes 30 ms. */
  #suggested: readonly string[] | undefined

  constructor(options: ValidateOptions, fields: FieldChecker) {
    this.#fields = fields
    this.#matchers = matcherTable(options)
    this.#backends = new BackendChecker(fields, strategyTable(options.strategies))
  }

  frontend(value: unknown, path: string, backends: Readonly<Record<string, Backend>>): Frontend {
    const fields = this.#fields.object(value, path, FRONTEND)
    if (!fields) return { backend: '' }
    this.#onlyOneRuleForm(fields, path)
    return present({
      backend: this.#backendName(fields['backend'], `${path}.backend`, backends),
      rule: this.#rule(fields['rule'], `${path}.rule`),
      routes: this.#routes(fields['routes'], `${path}.routes`),
      priority: this.#fields.wholeNumber(fields['priority'], `${path}.priority`),
      entryPoints: this.#fields.texts(fields['entryPoints'], `${path}.entryPoints`),
      passHostHeader: this.#fields.flag(fields['passHostHeader'], `${path}.passHostHeader`),
      whiteList: this.#whiteList(fields['whiteList'], `${path}.whiteList`),
    })
  }

  backend(value: unknown, path: string): Backend {
    return this.#backends.check(value, path)
  }

  #onlyOneRuleForm(fields: Readonly<Record<string, unknown>>, path: string): void {
    const { rule, routes } = fields
    if (rule !== undefined && routes !== undefined) {
      this.#fields.note(path, 'INVALID_VALUE', 'expected either rule or routes, found both')
    } else if (rule === undefined && (routes === undefined || isEmptyObject(routes))) {
      this.#fields.note(
        path,
        'MISSING_RULE',
        'expected a rule, or routes with at least one entry: a frontend without a rule would take every request',
      )
    }
  }

  #backendName(value: unknown, path: string, backends: Readonly<Record<string, Backend>>): string {
    if (value === undefined) {
      this.#fields.note(path, 'MISSING_BACKEND', 'expected the name of a backend, found nothing')
      return ''
    }
    const name = this.#fields.text(value, path)
    // The backend's name and the provider's name behind the `@` may each have the full length.
    if (name === undefined || name.split('@').some((part) => this.#fields.label(part, path) === undefined))
      return ''
    const at = name.indexOf('@')
    if (at >= 0) {
      const whole = /^[^@]+@[^@]+$/.test(name)
      if (!whole) this.#fields.note(path, 'INVALID_VALUE', `expected name@provider, found ${quote(name)}`)
    } else if (!(name in backends)) {
      this.#suggested ??= Object.keys(backends).slice(0, MAX_SUGGESTED_FROM)
      const suggestion = suggestName(name, this.#suggested)
      this.#fields.note(path, 'MISSING_BACKEND', `there is no backend ${quote(name)}${suggestion}`)
    }
    return name
  }

  #routes(value: unknown, path: string): Frontend['routes'] | undefined {
    if (value === undefined) return undefined
    const routes = nullRecord<{ rule: string | RuleSpec }>()
    for (const entry of this.#fields.names(value, path)) {
      if (!entry) continue
      const [name, route] = entry
      const at = pathOf(path, name)
      const rule = this.#fields.object(route, at, ROUTE)
      if (!rule) continue
      if (rule['rule'] === undefined) this.#fields.note(at, 'MISSING_RULE', 'expected a rule, found nothing')
      routes[name] = { rule: this.#rule(rule['rule'], `${at}.rule`) ?? '' }
    }
    return routes
  }

  #rule(value: unknown, path: string): string | RuleSpec | undefined {
    if (value === undefined) return undefined
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
      this.#fields.note(
        path,
        'INVALID_TYPE',
        `expected a rule as text or data, found ${describeValue(value)}`,
      )
      return undefined
    }
    const { issues } = compileRule(value, this.#matchers)
    for (const { code, message } of issues) this.#fields.note(path, code, withoutSecrets(message, value))
    if (typeof value === 'string') return value
    return issues.length > 0 ? undefined : structuredClone(value)
  }

  #whiteList(value: unknown, path: string): WhiteList | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, WHITE_LIST)
    if (!fields) return undefined
    const at = `${path}.sourceRange`
    const sourceRange = this.#fields.texts(fields['sourceRange'], at) ?? []
    if (fields['sourceRange'] === undefined)
      this.#fields.note(at, 'MISSING_FIELD', 'expected a list of addresses and ranges, found nothing')
    for (const [index, range] of sourceRange.entries()) this.#range(range, `${at}[${index}]`)
    const useXForwardedFor = this.#fields.flag(fields['useXForwardedFor'], `${path}.useXForwardedFor`)
    return present({ sourceRange, useXForwardedFor })
  }

  #range(text: string, path: string): void {
    try {
      parseRange(text)
    } catch (error) {
      this.#fields.note(path, 'INVALID_RANGE', (error as Error).message)
    }
  }
}

/**
 * The most names that a misspelt one is compared with. A thousand misspelt names and 100,000 backends would block the process.
 */
const MAX_SUGGESTED_FROM = 500

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
