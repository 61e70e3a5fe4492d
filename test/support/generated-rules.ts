import fc from 'fast-check'
import type { RuleSpec } from '../../src/model/config.js'
import type { RequestFacts } from '../../src/model/request-facts.js'
import { factsOf } from './facts-of.js'

// Few of everything, so that rules and requests meet.
const host = fc.constantFrom('a.test', 'b.test', 'x.a.test', '10.0.0.1')
const ruleHost = fc.oneof(host, fc.constantFrom('*.a.test', '*', 'A.test.', 'b.TEST'))
const path = fc.constantFrom('/', '/a', '/a/b', '/b', '/a/')
const method = fc.constantFrom('GET', 'put')
const range = fc.constantFrom('10.0.0.0/8', '10.1.1.1', '::/0', '2001:db8::/32')
const headerName = fc.constantFrom('X-Env', 'x-zone')
/** What can stand in any form, and what only quotes can hold. */
const plainValue = fc.constantFrom('qas', 'a:b', 'a b', '`', '"', '\\d', '(', '&&', '{x}')
const anyValue = fc.oneof(plainValue, fc.constantFrom('a,b', 'a;b', ' a', 'a{', '`\\`;', '\r;', '},{'))
const expression = fc.constantFrom('^q', '[ab]', 'a|b', '\\d', '^.{1,2}$', '`', 'te')
const key = fc.constantFrom('k', 'l', 'a b')

const several = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 })
const someOf = (one: fc.Arbitrary<string>) => fc.oneof(one, several(one))
const blank = fc.constantFrom('', ' ', '\t', '\n ')

const traefik1Term = fc.oneof(
  several(ruleHost).map((values) => `Host:${values.join(',')}`),
  fc.constantFrom('HostRegexp:{sub:[a-x]}.a.test', 'HostRegexp:{any:.+}', 'HostRegexp: {a} , {b}.test'),
  several(path).map((values) => `Path: ${values.join(' , ')}`),
  several(path).map((values) => `PathPrefix:${values.join(',,')}`),
  fc.constantFrom('Path:/{id:[a-c]{1,2}}', 'PathPrefixStrip:/a', 'PathStrip:/b,/a/b', 'AddPrefix:/p'),
  several(method).map((values) => `Method:${values.join(',')}`),
  fc.tuple(headerName, plainValue).map(([name, value]) => `Headers:${name},${value}`),
  fc.tuple(headerName, expression).map(([name, value]) => `HeadersRegexp:${name},${value}`),
  fc.constantFrom('Query:k=v', 'Query:k={v:[a-z]+},l=', 'ReplacePathRegex:^/(.*)  /x/$1'),
  several(range).map((values) => `ClientIP:${values.join(',')}`),
)

/** Rules of Traefik 1.7's form, with blanks and empty parts. */
export const traefik1Rule = fc
  .tuple(several(traefik1Term), blank, fc.constantFrom(';', ' ; ', ';;'))
  .map(([terms, end, sign]) => `${end}${terms.join(sign)}${end}`)

const literal = (value: string, quoted: boolean) =>
  quoted || /[`\r]/.test(value) ? JSON.stringify(value) : `\`${value}\``
const value = (of: fc.Arbitrary<string>) =>
  fc.tuple(of, fc.boolean()).map(([text, quoted]) => literal(text, quoted))

const traefik3Term = fc.oneof(
  value(ruleHost).map((text) => `Host(${text})`),
  value(path).map((text) => `path( ${text} )`),
  value(path).map((text) => `PATHPREFIX(${text})`),
  value(method).map((text) => `Method(${text})`),
  value(range).map((text) => `ClientIP(${text})`),
  value(expression).map((text) => `HostRegexp(${text})`),
  value(expression).map((text) => `PathRegexp(${text})`),
  fc.tuple(value(headerName), value(anyValue)).map(([name, text]) => `Header(${name},${text})`),
  fc.tuple(value(headerName), value(expression)).map(([name, text]) => `HeaderRegexp(${name}, ${text})`),
  value(key).map((text) => `Query(${text})`),
  fc.tuple(value(key), value(anyValue)).map(([name, text]) => `Query(${name} ,${text})`),
  fc.tuple(value(key), value(expression)).map(([name, text]) => `QueryRegexp(${name}, ${text})`),
)

/** Rules of Traefik 3's form, with parentheses that are needed and some that are not. */
export const { rule: traefik3Rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    traefik3Term,
    fc
      .tuple(tie('rule'), blank, fc.constantFrom('&&', '||'), tie('rule'))
      .map(([one, between, sign, other]) => `${one}${between}${sign}${other}`),
    tie('rule').map((inner) => `( ${inner})`),
    tie('rule').map((inner) => `!(${inner})`),
    traefik3Term.map((term) => `! ${term}`),
  ),
}))

const pairs = (values: fc.Arbitrary<string>, names: fc.Arbitrary<string>) =>
  fc.dictionary(names, values, { minKeys: 1, maxKeys: 2, noNullPrototype: true })

const plainData = {
  host: someOf(ruleHost),
  path: someOf(path),
  pathPrefix: someOf(path),
  method: someOf(method),
  headers: pairs(anyValue, headerName),
  headersRegexp: pairs(expression, headerName),
  hostRegexp: someOf(expression),
  pathRegexp: someOf(expression),
  query: pairs(fc.oneof(anyValue, fc.constant('')), key),
  queryRegexp: pairs(fc.oneof(expression, fc.constant('')), key),
  clientIp: someOf(range),
}

/** Data rules with `any` and `not`; some that Traefik 1.7 can write, and some that only Traefik 3 can. */
export const { spec: dataRule } = fc.letrec<{ spec: RuleSpec }>((tie) => ({
  spec: fc
    .oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.record(plainData, { requiredKeys: [] }),
      fc.record(
        { ...plainData, any: fc.array(tie('spec'), { minLength: 1, maxLength: 3 }), not: tie('spec') },
        { requiredKeys: [] },
      ),
    )
    // Most of a record's keys are there: a rule of ten matchers never holds.
    .chain((spec) =>
      fc.subarray(Object.keys(spec), { minLength: 0, maxLength: 2 }).map((keys) => keepOnly(spec, keys)),
    )
    .map((spec) => (Object.keys(spec).length > 0 ? spec : { host: 'a.test' })) as fc.Arbitrary<RuleSpec>,
}))

function keepOnly(spec: object, keys: readonly string[]): RuleSpec {
  return Object.fromEntries(Object.entries(spec).filter(([name]) => keys.includes(name)))
}

const headerValue = fc.oneof(anyValue, fc.array(anyValue, { maxLength: 2 }))

/** Requests that such rules may hold for. */
export const requestFacts: fc.Arbitrary<RequestFacts> = fc
  .record({
    host: fc.oneof(host, fc.constant('')),
    path,
    method: fc.constantFrom('GET', 'PUT'),
    query: fc.oneof(
      fc.constantFrom('', 'k', 'k=v', 'l=&k=abc', 'a+b=qas'),
      fc.tuple(key, anyValue).map((pair) => new URLSearchParams([pair]).toString()),
    ),
    headers: fc.record({ 'x-env': headerValue, 'x-zone': headerValue }, { requiredKeys: [] }),
    clientAddress: fc.constantFrom('10.1.1.1', '10.2.2.2', '2001:db8::1', '192.0.2.1', ''),
  })
  .map((special) => factsOf(special as Partial<RequestFacts>))
