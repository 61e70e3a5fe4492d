import fc from 'fast-check'
import type { Field, ObjectField } from '../../src/base/field-kinds.js'
import { DOCUMENT } from '../../src/validation/document-schema.js'

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)

/** Texts that a field takes whose check says more than its kind does, by the last part of its path. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  url: ['http://10.0.0.1:80', 'https://a.test/base'],
  method: ['wrr', 'drr', 'p2c'],
  cookieName: ['id', 'a_b'],
  hashBy: ['clientIp', 'header:X-Tenant'],
  expression: ['NetworkErrorRatio() > 0.5', 'LatencyAtQuantileMS(50.0) > 100'],
  extractorFunc: ['request.host', 'request.header.X-A'],
  path: ['/health'],
  hostname: ['a.test', '10.0.0.1:80'],
  status: ['200-399', '200,204'],
  body: ['ok'],
  version: ['v1'],
  prefix: ['/traefik/v1'],
  sourceRange: ['10.0.0.0/8', '::1'],
  entryPoints: ['http', 'https'],
  tags: ['a', 'b c'],
  rule: ['Host:a.test', 'PathPrefix:/x;Method:GET'],
}

/** Valid values of a field, in the spelling that `switchover convert` writes. */
function valuesOf(field: Field, at: string): fc.Arbitrary<unknown> {
  const texts = TEXTS[at] ?? ['text']
  switch (field.kind) {
    case 'text':
      return fc.constantFrom(...texts)
    case 'number': {
      const [min, max] = [field.least ?? -1_000, field.most ?? 1_000_000]
      return field.isWhole ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true })
    }
    case 'flag':
      return fc.boolean()
    case 'duration':
      return fc.constantFrom('10s', '1m30s', '500ms', '1.5h', 3, 0.5)
    case 'choice':
      return fc.constantFrom(...field.of)
    case 'list':
      return fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 3 })
    case 'named':
      return fc.dictionary(
        field.of.kind === 'text' ? fc.constantFrom('X-A', 'X-B') : name,
        valuesOf(field.of, at),
        { minKeys: 1, maxKeys: 3, noNullPrototype: true },
      )
    case 'object':
      return objectsOf(field)
    case 'own':
      return fc.oneof(
        fc.constantFrom(...texts),
        fc.record({ host: fc.constantFrom('a.test', 'b.test'), method: fc.constant(['GET', 'HEAD']) }),
      )
    case 'later':
      return fc.constantFrom(false, null, '')
  }
}

function objectsOf({ entries }: ObjectField): fc.Arbitrary<Record<string, unknown>> {
  const built = entries.filter(([, field]) => field.kind !== 'later')
  const required = built.filter(([, field]) => field.kind !== 'later' && field.required).map(([key]) => key)
  return fc.record(Object.fromEntries(built.map(([key, field]) => [key, valuesOf(field, key)])), {
    requiredKeys: required,
    noNullPrototype: true,
  })
}

/** Documents that a proxy takes: each frontend has one form of rule, and a backend that exists. */
export const validDocuments: fc.Arbitrary<Record<string, unknown>> = objectsOf(DOCUMENT).map((document) => {
  const { frontends, backends } = document as Record<string, Record<string, Record<string, unknown>>>
  for (const frontend of Object.values(frontends ?? {})) {
    frontend['backend'] = Object.keys(backends ?? {})[0]
    if (frontend['rule'] !== undefined) delete frontend['routes']
    else if (frontend['routes'] === undefined) frontend['rule'] = 'Host:a.test'
  }
  for (const { healthCheck } of Object.values(backends ?? {}))
    if (healthCheck && (healthCheck as { scheme?: string }).scheme !== 'tcp')
      (healthCheck as { path?: string }).path ??= '/health'
  return document
})

/** One mistake in a document: what it is, and how it is made. */
export interface Mistake {
  readonly what: string
  readonly path: readonly string[]
  readonly value: unknown
}

const ABSENT = Symbol('absent')

/** Mistakes that can be made in a document, one for each of its fields and kinds of mistake. */
export function mistakesIn(document: unknown): Mistake[] {
  return mistakesAt(DOCUMENT, document as Record<string, unknown>, [])
}

function mistakesAt(object: ObjectField, values: Record<string, unknown>, at: readonly string[]): Mistake[] {
  const unknown: Mistake = { what: 'an unknown field', path: [...at, 'unknwon'], value: 1 }
  const isOnlyOne = Object.keys(values).length === 1
  return [
    unknown,
    ...object.entries.flatMap(([key, field]) => {
      const path = [...at, key]
      if (field.kind === 'later') return [{ what: 'a field that is not built', path, value: { on: true } }]
      // An object that is empty without the field asks for nothing.
      const missing = field.required && !isOnlyOne ? [{ what: 'a missing field', path, value: ABSENT }] : []
      return key in values
        ? [...missing, ...wrongValues(field, path), ...below(field, values[key], path)]
        : missing
    }),
  ]
}

function wrongValues(field: Field, path: readonly string[]): Mistake[] {
  const found: Mistake[] = [{ what: 'a wrong kind', path, value: wrongKind(field) }]
  if (field.kind === 'duration') found.push({ what: 'no duration', path, value: 'soon' })
  if (field.kind === 'choice') found.push({ what: 'no choice', path, value: 'other' })
  if (field.kind !== 'number') return found
  if (field.most !== undefined) found.push({ what: 'too large', path, value: field.most + 1 })
  if (field.least !== undefined) found.push({ what: 'too small', path, value: field.least - 1 })
  return found
}

function below(field: Field, value: unknown, path: readonly string[]): Mistake[] {
  if (field.kind === 'object') return mistakesAt(field, value as Record<string, unknown>, path)
  if (field.kind !== 'named' || field.of.kind !== 'object') return []
  const { of } = field
  return Object.entries(value as object).flatMap(([own, entry]) => mistakesAt(of, entry, [...path, own]))
}

function wrongKind(field: Field): unknown {
  return field.kind === 'flag' || field.kind === 'number' ? 'text' : true
}

/** A copy of a document with one mistake. */
export function withMistake(document: unknown, { path, value }: Mistake): unknown {
  const copy = structuredClone(document) as Record<string, unknown>
  let into = copy
  for (const step of path.slice(0, -1)) into = into[step] as Record<string, unknown>
  const last = path.at(-1) as string
  if (value === ABSENT) delete into[last]
  else into[last] = value
  return copy
}
