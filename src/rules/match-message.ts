import { quote } from '../base/messages.js'
import { TOKEN } from '../base/token.js'
import type { RequestFacts } from '../model/request-facts.js'
import { type CompiledMatcher, type CompileMatcher, eachValue } from './compiled-matcher.js'
import { compileRegexp } from './regexps.js'
import { hasBraces, parseTemplate } from './templates.js'

type ValueTest = (value: string) => boolean

/** Matches the request's method exactly, but a rule may write the method in any case. Source: Traefik 1.7 and 3 `Method`. */
export function matchMethod(values: readonly string[]): CompiledMatcher {
  const methods = eachValue(values, (value) => {
    if (!TOKEN.test(value)) throw new Error(`${quote(value)} is not a method`)
    return value.toUpperCase()
  })
  const [only] = methods
  if (methods.length === 1) return { test: ({ method }) => method === only }
  const known = new Set(methods)
  return { test: ({ method }) => known.has(method) }
}

/**
 * Matches header fields. The values alternate between a header's name and the value expected of it. For each name, one line of
 * the header must equal the expected value. Source: Traefik 1.7 `Headers`, Traefik 3 `Header`.
 */
export function matchHeaders(values: readonly string[]): CompiledMatcher {
  return headersThat(values, (value) => (line) => line === value)
}

/**
 * Matches header fields by regular expressions. For each name, an expression must match some part of one line of the header.
 * Source: Traefik 1.7 `HeadersRegexp`, Traefik 3 `HeaderRegexp`.
 */
export function matchHeadersRegexp(values: readonly string[]): CompiledMatcher {
  return headersThat(values, (value) => {
    const regexp = compileRegexp(value)
    return (line) => regexp.test(line)
  })
}

function headersThat(values: readonly string[], compile: (value: string) => ValueTest): CompiledMatcher {
  const pairs = pairsOf(values, 'Headers:X-Env,qas').map(([name, value]) => {
    if (!TOKEN.test(name)) throw new Error(`${quote(name)} is not a header name`)
    if (value === '') throw new Error(`expected a value for the header ${name}, found an empty one`)
    return { name: name.toLowerCase(), holds: compile(value) }
  })
  return { test: ({ headers }) => pairs.every(({ name, holds }) => someLine(headers, name, holds)) }
}

function someLine(headers: RequestFacts['headers'], name: string, holds: ValueTest): boolean {
  const found = Object.hasOwn(headers, name) ? headers[name] : undefined
  return typeof found === 'string' ? holds(found) : (found?.some(holds) ?? false)
}

/**
 * Matches decoded query parameters. The values alternate between a key and the value expected of it. For each key, one of the
 * parameters with that key must equal the expected value. A key alone expects an empty value. Source: Traefik 3 `Query`.
 */
export function matchQuery(values: readonly string[]): CompiledMatcher {
  return queryThat(values, (value) => (found) => found === value)
}

/**
 * Matches query parameters by regular expressions. A key without an expression expects an empty value. Source: Traefik 3
 * `QueryRegexp`.
 */
export function matchQueryRegexp(values: readonly string[]): CompiledMatcher {
  return queryThat(values, (value) => {
    if (value === '') return (found) => found === ''
    const regexp = compileRegexp(value)
    return (found) => regexp.test(found)
  })
}

/**
 * Wraps a query matcher so that it refuses an empty value. In Traefik 3's rule syntax, a key alone already expects an empty
 * value.
 */
export function withoutEmptyValue(compile: CompileMatcher): CompileMatcher {
  return (values) => {
    if (values[1] === '')
      throw new Error('expected a value, found an empty one; leave it out to match an empty value')
    return compile(values)
  }
}

function queryThat(values: readonly string[], compile: (value: string) => ValueTest): CompiledMatcher {
  const pairs = (
    values.length === 1 ? [[values[0] as string, ''] as const] : pairsOf(values, 'Query:k=v')
  ).map(([key, value]) => {
    if (key === '') throw new Error('expected the key of a query, found an empty text')
    return { key, holds: compile(value) }
  })
  return { test: ({ query }) => pairs.every(({ key, holds }) => paramsOf(query).getAll(key).some(holds)) }
}

/**
 * Matches query parameters given as `key=value`. All these pairs must match. If the request has several parameters with one key,
 * only the first counts. A value may have `{name:regexp}` groups. An empty value matches any value. Source: Traefik 1.7 `Query`.
 */
export function matchQueryPairs(values: readonly string[]): CompiledMatcher {
  const pairs = eachValue(values, (text) => {
    const [key = '', value, ...more] = text.split('=')
    if (key === '' || value === undefined || more.length > 0) {
      throw new Error(
        `${quote(text)} is not a pair; expected one key, one "=" and a value, like Query:env=qas`,
      )
    }
    return { key, holds: valueTest(value) }
  })
  return {
    test: ({ query }) => {
      const params = paramsOf(query)
      return pairs.every(({ key, holds }) => {
        const first = params.get(key)
        return first !== null && holds(first)
      })
    },
  }
}

function valueTest(value: string): ValueTest {
  if (value === '') return () => true
  if (!hasBraces(value)) return (found) => found === value
  const regexp = compileRegexp(`^${parseTemplate(value, '').source}$`)
  return (found) => regexp.test(found)
}

/** The query that was parsed last. Several rules test the query of one request, and only the first of these rules parses it. */
let parsedQuery = ''
let parsedParams = new URLSearchParams()

function paramsOf(query: string): URLSearchParams {
  if (query !== parsedQuery) {
    parsedQuery = query
    parsedParams = new URLSearchParams(query)
  }
  return parsedParams
}

function pairsOf(values: readonly string[], example: string): (readonly [string, string])[] {
  if (values.length % 2 !== 0) {
    throw new Error(`expected pairs of a name and a value, like ${example}; found ${values.length} parts`)
  }
  return values.flatMap((name, index) =>
    index % 2 === 0 ? [[name, values[index + 1] as string] as const] : [],
  )
}
