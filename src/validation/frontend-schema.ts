import type { Flaw } from '../base/field-kinds.js'
import { pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { flag, later, list, named, number, object, own, text } from '../base/schema.js'
import { LETS_IN, LIMITS_NOTHING, PLAIN } from '../base/why-it-guards.js'
import { WHITE_LIST_FIELD } from '../middlewares/white-list.js'
import type { Frontend, Route, RuleSpec } from '../model/config.js'
import { compileRule } from '../rules/compile-rule.js'
import type { MatcherTable } from '../rules/matchers.js'
import { withoutSecrets } from '../rules/secret-values.js'
import type { DocumentHost } from './document-host.js'
import { METADATA } from './metadata-schema.js'
import { isLongName, tooLong } from './names.js'
import { RULE_JSON_SCHEMA } from './rule-json-schema.js'

/** Why fields about the client's certificate guard. */
const FORGED = 'without it the client itself writes the header that names who asks'

const RULE = own({
  meaning: 'The rule, as text or as data.',
  jsonSchema: RULE_JSON_SCHEMA,
  expected: 'a rule as text or data',
  is: (value) => typeof value === 'string' || (typeof value === 'object' && !Array.isArray(value)),
})

const ROUTE = object<Route>(
  { type: 'Route', meaning: 'A named rule of a frontend.' },
  { rule: { ...RULE, required: { code: 'MISSING_RULE', expected: 'a rule' } } },
)

/** A frontend, as a document declares it. */
export const FRONTEND = object<Frontend>(
  {
    type: 'Frontend',
    meaning:
      'A named entry of a document: a condition for requests, a priority, and the backend that serves the requests.',
    rules: { oneOf: [{ required: ['rule'] }, { required: ['routes'] }] },
    check: ({ rule, routes }, { matchers }: DocumentHost, read: Partial<Frontend>) => {
      const flaws = flawsOfRules(read, matchers)
      if (flaws.length > 0) return flaws
      if (rule !== undefined && routes !== undefined && !isEmpty(routes))
        return 'expected either rule or routes, found both'
      if (rule !== undefined || (routes !== undefined && !isEmpty(routes))) return undefined
      const message =
        'expected a rule, or routes with at least one entry: a frontend without a rule would take every request'
      return [{ code: 'MISSING_RULE', message }]
    },
  },
  {
    backend: text({
      meaning:
        'The name of a backend of the same provider, or `name@provider` for a backend of another provider.',
      required: { code: 'MISSING_BACKEND', expected: 'the name of a backend' },
      check: (name, { backends }: DocumentHost) => flawOfBackend(name, backends),
    }),
    rule: {
      ...RULE,
      meaning:
        'The condition. It is short for `routes` with one route. A frontend has either `rule` or `routes`, never both.',
      traefik: false,
    },
    routes: named({
      meaning: 'Several rules by name. All of them must hold. Source: Traefik 1.7 `routes`.',
      of: ROUTE,
    }),
    priority: number({
      meaning: 'Frontends with a higher priority are tried first. 0 and less mean the default.',
      defaultMeaning: "the length of the rules' text",
      isWhole: true,
      expected: 'a whole number',
    }),
    entryPoints: list({
      meaning: 'Names of the entry points on which the frontend answers.',
      defaultMeaning: 'all entry points',
    }),
    whiteList: {
      ...WHITE_LIST_FIELD,
      meaning: 'The clients that may ask. Other clients get 403.',
      defaultMeaning: 'all clients',
    },
    passHostHeader: flag({
      meaning: 'If true, servers see the `Host` of the client. If false, they see the host of their own URL.',
      default: true,
    }),
    metadata: METADATA,
  },
  {
    passTLSCert: later("Sends the client's certificate to the servers.", FORGED),
    passTLSClientCert: later("Sends facts of the client's certificate to the servers.", FORGED),
    auth: later('Asks clients for credentials.', LETS_IN),
    basicAuth: later('Asks clients for user and password.', LETS_IN),
    whitelistSourceRange: later('The old form of `whiteList`.', LETS_IN),
    redirect: later(
      'Redirects requests. It may lead to TLS, and its form does not say so for certain.',
      PLAIN,
    ),
    errors: later('Answers with pages of another backend for some statuses.'),
    ratelimit: later('Limits requests for each client.', LIMITS_NOTHING),
    headers: later(
      'Sets headers of requests and responses.',
      `${PLAIN}; its allowedHosts and security headers are missing too`,
    ),
  },
)

/** Compiles the rules of a frontend. Its labels are known here, which matchers of the embedding application may look at. */
function flawsOfRules({ rule, routes, metadata }: Partial<Frontend>, matchers: MatcherTable): Flaw[] {
  const flaws: Flaw[] = []
  const check = (one: string | RuleSpec, route?: string) => {
    const { issues } = compileRule(one, matchers, metadata)
    // Nearly every rule is right, so the path is only made for one that is not.
    if (issues.length === 0) return
    const below = route === undefined ? '.rule' : `${pathOf('.routes', route)}.rule`
    for (const { code, message } of issues) flaws.push({ code, message: withoutSecrets(message, one), below })
  }
  if (rule !== undefined) check(rule)
  for (const route in routes) {
    const one = routes[route]?.rule
    if (one !== undefined) check(one, route)
  }
  return flaws
}

/** The most names that a misspelt one is compared with. A thousand misspelt names and 100,000 backends would block the process. */
const MAX_SUGGESTED_FROM = 500

function flawOfBackend(name: string, backends: DocumentHost['backends']): string | Flaw[] | undefined {
  // The backend's name and the provider's name behind the `@` may each have the full length.
  const long = name.split('@').find(isLongName)
  if (long !== undefined) return tooLong(long)
  if (name.includes('@'))
    return /^[^@]+@[^@]+$/.test(name) ? undefined : `expected name@provider, found ${quote(name)}`
  if (name in backends) return undefined
  const suggestion = suggestName(name, firstNames(backends))
  return [{ code: 'MISSING_BACKEND', message: `there is no backend ${quote(name)}${suggestion}` }]
}

/** Listing the names of 100,000 backends takes 30 ms, so it is done once for all misspelt names. */
const FIRST_NAMES = new WeakMap<object, readonly string[]>()

function firstNames(backends: DocumentHost['backends']): readonly string[] {
  const names = FIRST_NAMES.get(backends) ?? Object.keys(backends).slice(0, MAX_SUGGESTED_FROM)
  FIRST_NAMES.set(backends, names)
  return names
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
