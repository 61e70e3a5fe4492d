import { quote } from '../base/messages.js'
import { nearestName, suggestByEnd, suggestName } from '../base/nearest-name.js'
import type { StaticKey } from '../validation/static-keys/static-key.js'
import { isOpaque, STATIC_KEYS } from '../validation/static-keys/static-keys.js'
import { type FoundKey, findKey } from './key-tree.js'
import type { Settings } from './settings.js'

/** The prefix of the environment variables that set configuration keys. */
const PREFIX = 'SWITCHOVER_'

/** Environment variables of other programs, each with the configuration key that it sets. */
const FOREIGN: Readonly<Record<string, string>> = { CONSUL_HTTP_TOKEN: 'consul.token' }

/**
 * Matches environment variables that Kubernetes sets for a service, without their prefix. The prefix is `SWITCHOVER_` if the name
 * of the service begins with "switchover".
 */
const OF_SERVICE =
  /(?:^|_)(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/

/** Takes the values of environment variables: `SWITCHOVER_ETCD_PREFIX` sets the configuration key `etcd.prefix`. */
export function takeEnvironment(settings: Settings, env: NodeJS.ProcessEnv): void {
  settings.take('environment', () => {
    // Takes the variables in sorted order, so that the result does not depend on the order of the environment.
    for (const name of ownVariables(env)) takeVariable(settings, name, env[name] ?? '')
  })
}

/**
 * Returns the sorted names of the environment variables that set configuration keys. Variables that Kubernetes sets for a service
 * are left out.
 */
export function ownVariables(env: NodeJS.ProcessEnv): string[] {
  const isMeant = ([name, value = '']: [string, string | undefined]): boolean => {
    if (!name.startsWith(PREFIX)) return false
    const variable = name.slice(PREFIX.length)
    // An empty `SWITCHOVER_CONFIGFILE` counts as if it were not set, because it names no file.
    if (variable === 'CONFIGFILE') return value !== ''
    const isOfService =
      OF_SERVICE.test(variable) || (/(?:^|_)PORT$/.test(variable) && /^\w+:\/\//.test(value))
    return !isOfService || VARIABLES.some(({ key, pattern }) => !isOpaque(key) && pattern.test(variable))
  }
  return Object.entries(env)
    .filter(isMeant)
    .map(([name]) => name)
    .sort()
}

function takeVariable(settings: Settings, name: string, value: string): void {
  const variable = name.slice(PREFIX.length)
  const found = keyOfVariable(variable, settings)
  if (variable === 'ENTRYPOINTS') takeEntryPoints(settings, value, name)
  else if (found) take(settings, found, value, name)
  else {
    const known = [...STATIC_KEYS.keys()].map((path) => PREFIX + variableOf(path))
    settings.issue(name, 'UNKNOWN_FIELD', `this environment variable is unknown${suggestKey(name, known)}`)
  }
}

/**
 * Takes environment variables of other programs, such as `CONSUL_HTTP_TOKEN`. Such a variable supplies a credential to a
 * provider, but never enables the provider. So call this after the file, the environment and the flags.
 */
export function takeForeign(settings: Settings, env: NodeJS.ProcessEnv): void {
  for (const [name, path] of Object.entries(FOREIGN)) {
    const value = env[name]
    const isMeant = settings.has(path.split('.')[0] as string) && settings.isUpToFile(path)
    if (value && isMeant) settings.take('environment', () => take(settings, findKey(path), value, name))
  }
}

/**
 * Takes the values of command-line flags, by their names without dashes. A flag that was given without a value has the value
 * `true`.
 */
export function takeFlags(settings: Settings, flags: Readonly<Record<string, string>>): void {
  settings.take('flags', () => takeEachFlag(settings, flags))
}

function takeEachFlag(settings: Settings, flags: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(flags)) {
    const shown = `--${name}`
    const found = findKey(name)
    if (found && found.names.length === 1 && found.names[0] === 'entryPoints')
      takeEntryPoints(settings, value, shown)
    else if (found) take(settings, inGivenCase(found, settings), value, shown)
    else settings.issue(shown, 'UNKNOWN_FIELD', `this flag is unknown${suggestFlag(name)}`)
  }
}

/** Suggests the flag that is nearest to an unknown name. Returns the end of an error message, or an empty string. */
export function suggestFlag(name: string): string {
  return suggestKey(name, [...STATIC_KEYS.keys()]).replace('"', '"--')
}

/** The last parts of the configuration keys that make the proxy trust every peer or every certificate. */
const INSECURE = ['insecure', 'insecureSkipVerify']

/**
 * Suggests the known name that is nearest to an unknown one. Returns the end of an error message, or an empty string. A name with
 * `insecure` is suggested only if the last part of the unknown name is similar.
 */
function suggestKey(given: string, known: readonly string[]): string {
  const meansInsecure = nearestName(given.split(/[._]/).at(-1) ?? '', INSECURE) !== undefined
  const safe = meansInsecure ? known : known.filter((path) => !/insecure/i.test(path))
  return suggestByEnd(given, safe) || suggestName(given, safe)
}

function take(settings: Settings, found: FoundKey | undefined, value: string, shown: string): void {
  if (!found) return
  const { names, step, isWithin } = found
  settings.put(names, step, value, { shown, isText: true, isWithin })
}

/**
 * Takes entry points that are written as one string, in the form of Traefik 1.7: `Name:http Address::80`. If the string describes
 * one entry point, the word `Name:` may stand anywhere. If it describes several, each one begins with `Name:` or has its own
 * line.
 */
function takeEntryPoints(settings: Settings, text: string, shown: string): void {
  const lines = text.split('\n').map(wordsOf)
  for (const words of lines.every((line) => line.some(isName)) ? lines : [wordsOf(text)]) {
    const isOne = words.filter(isName).length === 1
    let entryPoint = isOne ? words.find(isName)?.slice(NAME.length) : undefined
    for (const word of words) {
      if (isName(word)) entryPoint = word.slice(NAME.length)
      else takeWord(settings, word, entryPoint, shown)
    }
  }
}

const NAME = 'name:'
const isName = (word: string): boolean => word.slice(0, NAME.length).toLowerCase() === NAME
const wordsOf = (text: string): string[] => text.split(/\s+/).filter((part) => part !== '')

/**
 * Takes one word of the string that describes an entry point, such as `Address::80`. An error message quotes at most the part
 * before the colon, because the rest may be a password, as in `auth`.
 */
function takeWord(settings: Settings, word: string, entryPoint: string | undefined, shown: string): void {
  const [, key = word, value = 'true'] = /^([^:]*):(.*)$/s.exec(word) ?? []
  const found = entryPoint === undefined ? undefined : findKey(`entryPoints.${entryPoint}.${key}`)
  if (found) return take(settings, inGivenCase(found, settings), value, shown)
  const message =
    entryPoint === undefined
      ? 'expected "Name:http Address::80", found a word before the first "Name:"'
      : `an entry point has no key ${/^[a-z.]+:/i.test(word) ? quote(key) : 'of this name'}${suggestKey(key, IN_ENTRY_POINT)}`
  settings.issue(shown, 'UNKNOWN_FIELD', message)
}

/** The paths of all configuration keys of an entry point, without its name. */
const IN_ENTRY_POINT = [...STATIC_KEYS.keys()]
  .filter((path) => path.startsWith('entryPoints.*.'))
  .map((path) => path.slice('entryPoints.*.'.length))

/**
 * Returns the key, but with the operator's name (such as that of an entry point) spelled as the existing settings spell it. So a
 * flag or variable changes the existing entry and adds no second one.
 */
function inGivenCase(found: FoundKey, settings: Settings): FoundKey {
  const { step, names } = found
  const place = step.key?.path.split('.').indexOf('*') ?? -1
  if (place < 0) return found
  const given = names[place] ?? ''
  const known = settings.namesUnder(names.slice(0, place).join('.'))
  const meant = known.includes(given) ? given : known.find((one) => variableOf(one) === variableOf(given))
  return meant === undefined ? found : { ...found, names: names.with(place, meant) }
}

/** Returns the path of a configuration key as part of a variable's name: `etcd.api.url` becomes `ETCD_API_URL`. */
function variableOf(path: string): string {
  return path.toUpperCase().replaceAll(/[^A-Z\d*]/g, '_')
}

interface VariablePattern {
  readonly key: StaticKey
  readonly pattern: RegExp
}

/**
 * All configuration keys, each with a pattern for its environment variables. Several patterns may match a variable, because `_`
 * may stand for a dot or be part of a name. Keys without `*` come first.
 *
 * In each group, unsupported keys come first (and `frontends`, `backends`). A variable for a field inside such a key may look
 * like a variable for another key.
 */
const VARIABLES: readonly VariablePattern[] = [...STATIC_KEYS.values()]
  .toSorted((a, b) => variableRank(a) - variableRank(b))
  .map((key) => {
    const below = isOpaque(key) ? '(?<below>_.*)?' : ''
    return { key, pattern: new RegExp(`^${variableOf(key.path).replace('*', '(.+)')}${below}$`) }
  })

function variableRank(key: StaticKey): number {
  return Number(key.path.includes('*')) * 2 + Number(!isOpaque(key))
}

function keyOfVariable(variable: string, settings: Settings): FoundKey | undefined {
  const all = VARIABLES.flatMap(({ key, pattern }) => {
    const found = pattern.exec(variable)
    if (!found) return []
    // A variable has upper case only, so the spelling of a name that the operator chose is lost. Assumes lower case with dashes,
    // unless the settings spell the name already.
    const name = found[1]?.toLowerCase().replaceAll('_', '-') ?? ''
    const named = findKey(key.path.replace('*', name))
    const isWithin = found.groups?.['below'] !== undefined
    return named ? [inGivenCase({ ...named, isWithin }, settings)] : []
  })
  // Chooses one of the configuration keys that the variable matches. A key that changes an existing entry, such as an entry
  // point, is more likely than a key that adds one.
  return all.find(({ names }) => settings.has(names.slice(0, 2).join('.'))) ?? all[0]
}
