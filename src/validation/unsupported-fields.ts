import type { Field, ObjectField } from '../base/field-kinds.js'
import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue, pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { eachOf, fieldNamed, insideOf, placedFields } from '../base/schema.js'
import { type Issue, ProxyError } from '../model/errors.js'
import { DOCUMENT, GUARDS } from './document-schema.js'

/**
 * What happens to fields of Traefik in a document that are not built yet.
 *
 * - `'refuse'`: each is an issue, and the document is refused.
 * - `'warn'`: each is left out with a warning. A guard, such as `auth`, still refuses the document.
 * - `{ warn: [paths] }`: the fields at these paths are left out with a warning, guards too. All others refuse the document. `*`
 *   in a path stands for any name that the document chooses. The path `'*'` stands for all fields that are no guards.
 *
 * @example
 * ```ts
 * validateConfig(document, { unsupportedFields: { warn: ['frontends.*.auth', '*'] } })
 * ```
 */
export type UnsupportedFields = 'refuse' | 'warn' | { readonly warn: readonly string[] }

/** A field that is not built yet. It is a warning if it is left out, otherwise an issue of the document. */
export interface UnsupportedField {
  readonly isLeftOut: boolean
  readonly issue: Issue
}

/** Decides what happens to a field that is not built yet. */
export type UnsupportedPolicy = (path: string, name: string) => UnsupportedField

/** The path that stands for all fields that are no guards. */
const ALL = '*'
/** A step of a path that stands for any name. No name is empty. */
const ANY = ''

/**
 * Returns the policy that an option asks for.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` for a path that names no field, or a field that is built and so never left out
 */
export function unsupportedPolicy(given: UnsupportedFields = 'refuse'): UnsupportedPolicy {
  checkUnsupportedFields(given)
  const named = typeof given === 'object' ? given.warn.filter((path) => path !== ALL) : []
  const patterns = named.map((path) => resolved(path).steps)
  const allElse = given === 'warn' || (typeof given === 'object' && given.warn.includes(ALL))
  return (path, name) => {
    const steps = stepsOf(path) ?? []
    const guards = GUARDS.has(patternOf(steps).join('.'))
    const isNamed = patterns.some((pattern) => covers(pattern, steps))
    const isLeftOut = isNamed || (allElse && !guards)
    const plain = `${name} of Traefik is not supported yet`
    if (isLeftOut && guards)
      return { isLeftOut, issue: { path, code: 'GUARD_DROPPED', message: `${plain}, and it is a guard` } }
    const message = guards ? `${plain}, and it is a guard: ${howToName(steps)}` : plain
    return { isLeftOut, issue: { path, code: 'NOT_SUPPORTED', message } }
  }
}

/**
 * Checks the option `unsupportedFields`.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that says what was expected
 */
export function checkUnsupportedFields(given: unknown): void {
  if (given === 'refuse' || given === 'warn') return
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalid(`unsupportedFields: expected ${EXPECTED}, found ${describeValue(given)}`)
  onlyKnownOptions(given, ['warn'], 'unsupportedFields.')
  const { warn } = given as { warn?: unknown }
  const texts = Array.isArray(warn) && warn.every((path) => typeof path === 'string')
  if (!texts) throw invalid(`unsupportedFields.warn: expected a list of paths, found ${describeValue(warn)}`)
  for (const path of warn as readonly string[]) {
    const { flaw } = resolved(path)
    if (path !== ALL && flaw) throw invalid(`unsupportedFields.warn: ${quote(path)} ${flaw}`)
  }
}

/**
 * Returns the option `unsupportedFields`, or `'refuse'` if it is wrong. `checkUnsupportedFields` reports a wrong one elsewhere.
 */
export function unsupportedFieldsIn(options: { readonly unsupportedFields?: unknown }): UnsupportedFields {
  const { unsupportedFields = 'refuse' } = options
  try {
    checkUnsupportedFields(unsupportedFields)
    return unsupportedFields as UnsupportedFields
  } catch {
    return 'refuse'
  }
}

const EXPECTED = '"refuse" or "warn", or { warn: [paths] }'

function invalid(message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', message)
}

/** A path whose fields have the spelling that validation knows. If `flaw` is set, it says what is wrong with the path. */
interface ResolvedPath {
  readonly steps: readonly string[]
  readonly flaw?: string
}

function resolved(text: string): ResolvedPath {
  const steps = stepsOf(text)
  if (steps) {
    const found = resolvedFrom(steps, [], DOCUMENT)
    const isVague = found.flaw !== undefined && found.steps.length === 0 && !found.flaw.includes('nearest')
    const meant = isVague ? meantBy(steps.at(-1) as string) : undefined
    return meant === undefined ? found : { ...found, flaw: `names no field; ${quote(meant)} is one` }
  }
  return {
    steps: [],
    flaw: 'is not a path; expected one like "frontends.*.auth" or "frontends[\\"a b\\"].auth"',
  }
}

/** Returns the path of a field that is not built yet, found by its name alone. */
function meantBy(name: string): string | undefined {
  const small = `.${name.toLowerCase()}`
  return placedFields(DOCUMENT).find(
    ({ path, field }) => field.kind === 'later' && `.${path.toLowerCase()}`.endsWith(small),
  )?.path
}

/**
 * Resolves a path from one kind of object downwards.
 *
 * @param above the steps that lead to the object
 */
function resolvedFrom(
  [given = ANY, ...rest]: readonly string[],
  above: readonly string[],
  object: ObjectField,
): ResolvedPath {
  if (given === ANY) return { steps: above, flaw: `names no field; ${fieldsAt(above, object)}` }
  const name = fieldNamed(object, given)
  if (name === undefined) return { steps: above, flaw: `names no field; ${nearestOf(given, object)}` }
  const steps = [...above, name]
  const field = object.fields[name]
  if (field?.kind === 'later')
    return rest.length === 0
      ? { steps }
      : { steps, flaw: `goes into a field that can only be left out as a whole: ${shown(steps)}` }
  const each = eachOf(field)
  if (each) return resolvedFrom(rest.slice(1), [...steps, rest[0] ?? ANY], each)
  const inside = insideOf(field)
  const goesOn = inside && (rest.length > 0 || laterNames(inside).length > 0)
  return goesOn ? resolvedFrom(rest, steps, inside) : { steps, flaw: 'is supported, so it is never left out' }
}

function laterNames({ fields }: ObjectField): string[] {
  return Object.keys(fields).filter((name) => fields[name]?.kind === 'later')
}

/** Lists the paths of an object's fields that are not built yet. */
function fieldsAt(steps: readonly string[], object: ObjectField): string {
  const paths = laterNames(object).map((name) => quote(shown([...steps, name])))
  return paths.length > 0 ? `name a field: ${paths.join(', ')}` : 'all fields there are supported'
}

function nearestOf(given: string, object: ObjectField): string {
  const later = laterNames(object)
  const suggestion = suggestName(given, [...later, ...Object.keys(object.fields)])
  if (suggestion !== '') return suggestion.slice(2)
  return later.length > 0 ? `not supported yet: ${later.join(', ')}` : 'all fields there are supported'
}

function covers(pattern: readonly string[], steps: readonly string[]): boolean {
  if (pattern.length !== steps.length) return false
  // A message cuts a long name, so a path that was copied from a message might mean another field.
  return pattern.every((step, at) => step === ANY || (step === steps[at] && step.length <= MAX_NAMED))
}

/** The most characters of a name that a message shows in full. See `quote`. */
const MAX_NAMED = 100

/** Says how an operator leaves out a guard. */
function howToName(steps: readonly string[]): string {
  const path = shown(steps.map((step) => (step.length > MAX_NAMED ? ANY : step)))
  // The option, the flag and the key of a traefik.toml have the same name.
  return `it is left out only if unsupportedFields.warn names its path, ${JSON.stringify(path)}`
}

/** Returns a path with `*` for each name that the document chooses, as `GUARDS` has it. */
function patternOf(steps: readonly string[]): readonly string[] {
  let object: ObjectField | undefined = DOCUMENT
  const pattern: string[] = []
  for (let at = 0; at < steps.length; at += 1) {
    const name = steps[at] as string
    pattern.push(name)
    const field: Field | undefined = object?.fields[name]
    const each = eachOf(field)
    if (each && at + 1 < steps.length) {
      pattern.push('*')
      at += 1
    }
    object = each ?? insideOf(field)
  }
  return pattern
}

function shown(steps: readonly string[]): string {
  return steps.reduce((path, step) => (step === ANY ? `${path}.*` : pathOf(path, step)), '')
}

/** Splits a path as `pathOf` writes it: `frontends["a b"].auth`. It returns undefined if the text is malformed. */
function stepsOf(path: string): readonly string[] | undefined {
  const steps: string[] = []
  let end = 0
  for (const { 0: whole, 1: word, 2: quoted, index } of path.matchAll(STEP)) {
    const isJoined = word === undefined ? index > 0 : index > 0 === whole.startsWith('.')
    const step = word === '*' ? ANY : (word ?? (textIn(quoted as string) || undefined))
    if (index !== end || !isJoined || step === undefined) return undefined
    end += whole.length
    steps.push(step)
  }
  return end === path.length && steps.length > 0 ? steps : undefined
}

/** Matches a plain word, `*`, or a quoted text in brackets. */
const STEP = /\.?([\w-]+|\*)|\[("(?:[^"\\]|\\.)*")\]/g

function textIn(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return undefined
  }
}
