import { quote } from '../base/messages.js'
import { nearestName, suggestByEnd, suggestName } from '../base/nearest-name.js'
import { type FoundKey, findKey } from './key-tree.js'
import type { Settings } from './settings.js'
import { isOpaque, STATIC_KEYS, type StaticKey } from './static-keys.js'

/** The prefix of environment variables that set keys. */
const PREFIX = 'SWITCHOVER_'

/** Variables of other programs that set a key too. */
const FOREIGN: Readonly<Record<string, string>> = { CONSUL_HTTP_TOKEN: 'consul.token' }

/**
 * Matches the variables that Kubernetes sets for a service. They begin with `SWITCHOVER_` if the service's name begins with
 * "switchover".
 */
const OF_SERVICE =
  /(?:^|_)(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/

/** Takes the values of environment variables: `SWITCHOVER_ETCD_PREFIX` sets `etcd.prefix`. */
export function takeEnvironment(settings: Settings, env: NodeJS.ProcessEnv): void {
  settings.take('environment', () => {
    // `ownVariables` sorts the names, because the order of an environment has no meaning.
    for (const name of ownVariables(env)) takeVariable(settings, name, env[name] ?? '')
  })
}

/** Returns the names of the variables that set keys of this program. */
export function ownVariables(env: NodeJS.ProcessEnv): string[] {
  const isMeant = ([name, value = '']: [string, string | undefined]): boolean => {
    if (!name.startsWith(PREFIX)) return false
    const variable = name.slice(PREFIX.length)
    // An empty SWITCHOVER_CONFIGFILE names no file.
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
 * Takes the variables of other programs. They hold credentials for a provider and never switch one on, so this runs after all
 * layers.
 */
export function takeForeign(settings: Settings, env: NodeJS.ProcessEnv): void {
  for (const [name, path] of Object.entries(FOREIGN)) {
    const value = env[name]
    const isMeant = settings.has(path.split('.')[0] as string) && settings.isUpToFile(path)
    if (value && isMeant) settings.take('environment', () => take(settings, findKey(path), value, name))
  }
}

/** Takes the values of flags by their names without dashes. A flag without a value has the value `true`. */
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

/** Returns the end of a message: the flag that an unknown name most likely means. */
export function suggestFlag(name: string): string {
  return suggestKey(name, [...STATIC_KEYS.keys()]).replace('"', '"--')
}

/** The last parts of keys that make the proxy trust every peer. */
const INSECURE = ['insecure', 'insecureSkipVerify']

/**
 * Returns the end of a message: the name that an unknown one most likely means. Keys that trust every peer are suggested only
 * if the last part of the given name is similar to theirs.
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
 * Takes entry points in the text form of Traefik 1.7: `Name:http Address::80`. A text for one entry point may have its name
 * anywhere. In a text for several, each one begins with its name or has a line of its own.
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
 * Takes one word of an entry point's text. Messages quote only the part that looks like a key, because `auth` has users with
 * passwords here.
 */
function takeWord(settings: Settings, word: string, entryPoint: string | undefined, shown: string): void {
  const [, key = word, value = 'true'] = /^([^:]*):(.*)$/s.exec(word) ?? []
  const found = entryPoint === undefined ? undefined : findKey(`entryPoints.${entryPoint}.${key}`)
  if (found) return take(settings, inGivenCase(found, settings), value, shown)
  const message =
    entryPoint === undefined
      ? 'expected "Name:http Address::80", found a word before the first "Name:"'
      : `an entry point has no key ${/^[a-z.]+:/i.test(word) ? quote(key) : 'of this name'}${suggestKey(key, ENTRY_POINT_KEYS)}`
  settings.issue(shown, 'UNKNOWN_FIELD', message)
}

const ENTRY_POINT_KEYS = [...STATIC_KEYS.keys()]
  .filter((path) => path.startsWith('entryPoints.*.'))
  .map((path) => path.slice('entryPoints.*.'.length))

/** Keeps the spelling of a name that another layer has already set, so that a flag or a variable changes that entry. */
function inGivenCase(found: FoundKey, settings: Settings): FoundKey {
  const { step, names } = found
  const place = step.key?.path.split('.').indexOf('*') ?? -1
  if (place < 0) return found
  const given = names[place] ?? ''
  const known = settings.namesUnder(names.slice(0, place).join('.'))
  const meant = known.includes(given) ? given : known.find((one) => variableOf(one) === variableOf(given))
  return meant === undefined ? found : { ...found, names: names.with(place, meant) }
}

/** The form of a path in the name of a variable: `etcd.api.url` becomes `ETCD_API_URL`. */
function variableOf(path: string): string {
  return path.toUpperCase().replaceAll(/[^A-Z\d*]/g, '_')
}

interface VariablePattern {
  readonly key: StaticKey
  readonly pattern: RegExp
}

/**
 * The keys with the patterns of their variables. Keys without `*` come first, because `_` may stand for a dot or be part of a
 * name. In each group, keys whose fields are not read come first, because such a field may be named like another key.
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
    // Variables have capital letters only. A new name is taken to have small letters and dashes.
    const name = found[1]?.toLowerCase().replaceAll('_', '-') ?? ''
    const named = findKey(key.path.replace('*', name))
    const isWithin = found.groups?.['below'] !== undefined
    return named ? [inGivenCase({ ...named, isWithin }, settings)] : []
  })
  // A variable may match several keys. A key that changes an existing entry is more likely than a key that adds an entry.
  return all.find(({ names }) => settings.has(names.slice(0, 2).join('.'))) ?? all[0]
}
