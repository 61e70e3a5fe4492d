import { quote } from '../base/messages.js'
import { nearestName, suggestByEnd, suggestName } from '../base/nearest-name.js'
import { type FoundKey, findKey } from './key-tree.js'
import type { Settings } from './settings.js'
import { isOpaque, STATIC_KEYS, type StaticKey } from './static-keys.js'

/** Before the names of environment variables. */
const PREFIX = 'SWITCHOVER_'

/** Variables of others that say something too. */
const FOREIGN: Readonly<Record<string, string>> = { CONSUL_HTTP_TOKEN: 'consul.token' }

/** The name of Kubernetes's variables for a service that is called "switchover", or begins so. */
const OF_SERVICE =
  /(?:^|_)(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/

/** Takes what environment variables say: `SWITCHOVER_ETCD_PREFIX` is `etcd.prefix`. */
export function takeEnvironment(settings: Settings, env: NodeJS.ProcessEnv): void {
  settings.take('environment', () => {
    // In an order of their own: the one that they come in says nothing.
    for (const name of ownVariables(env)) takeVariable(settings, name, env[name] ?? '')
  })
}

/** Names of variables that are meant for this program. */
export function ownVariables(env: NodeJS.ProcessEnv): string[] {
  const isMeant = ([name, value = '']: [string, string | undefined]): boolean => {
    if (!name.startsWith(PREFIX)) return false
    const variable = name.slice(PREFIX.length)
    // An empty one names no file.
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
    settings.issue(name, 'UNKNOWN_FIELD', `there is no such variable${suggestKey(name, known)}`)
  }
}

/** Takes what variables of others say, when it is known what is on: they say how to ask, not whether to. */
export function takeForeign(settings: Settings, env: NodeJS.ProcessEnv): void {
  for (const [name, path] of Object.entries(FOREIGN)) {
    const value = env[name]
    const isMeant = settings.has(path.split('.')[0] as string) && settings.isUpToFile(path)
    if (value && isMeant) settings.take('environment', () => take(settings, findKey(path), value, name))
  }
}

/** Takes what flags say, by their names without dashes; of one without a value it is `true`. */
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
    else settings.issue(shown, 'UNKNOWN_FIELD', `there is no such flag${suggestFlag(name)}`)
  }
}

/** For a message: the flag that an unknown one most likely means. */
export function suggestFlag(name: string): string {
  return suggestKey(name, [...STATIC_KEYS.keys()]).replace('"', '"--')
}

/** Ends of keys that trust everybody. */
const INSECURE = ['insecure', 'insecureSkipVerify']

/** For a message. One that trusts everybody is named only for what is near to it in its own last part. */
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
 * Entry points in Traefik 1.7's one text: `Name:http Address::80`. Its name may stand anywhere; of several in a row, or of
 * several lines, each begins with its name, or has a line to itself.
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

/** No message shows more of a word than what looks like a key: users of `auth` stand here with their passwords. */
function takeWord(settings: Settings, word: string, entryPoint: string | undefined, shown: string): void {
  const [, key = word, value = 'true'] = /^([^:]*):(.*)$/s.exec(word) ?? []
  const found = entryPoint === undefined ? undefined : findKey(`entryPoints.${entryPoint}.${key}`)
  if (found) return take(settings, inGivenCase(found, settings), value, shown)
  const message =
    entryPoint === undefined
      ? 'expected "Name:http Address::80", found a word that stands before any name'
      : `an entry point has no ${/^[a-z.]+:/i.test(word) ? quote(key) : 'such key'}${suggestKey(key, ENTRY_POINT_KEYS)}`
  settings.issue(shown, 'UNKNOWN_FIELD', message)
}

const ENTRY_POINT_KEYS = [...STATIC_KEYS.keys()]
  .filter((path) => path.startsWith('entryPoints.*.'))
  .map((path) => path.slice('entryPoints.*.'.length))

/** A name of the file's own that is there already stays as it is. */
function inGivenCase(found: FoundKey, settings: Settings): FoundKey {
  const { step, names } = found
  const place = step.key?.path.split('.').indexOf('*') ?? -1
  if (place < 0) return found
  const given = names[place] ?? ''
  const known = settings.namesUnder(names.slice(0, place).join('.'))
  const meant = known.includes(given) ? given : known.find((one) => variableOf(one) === variableOf(given))
  return meant === undefined ? found : { ...found, names: names.with(place, meant) }
}

/** As it stands in the name of a variable. */
function variableOf(path: string): string {
  return path.toUpperCase().replaceAll(/[^A-Z\d*]/g, '_')
}

interface VariablePattern {
  readonly key: StaticKey
  readonly pattern: RegExp
}

/**
 * Those without names of the file's own first: `_` may stand for a dot or in a name. Of the others first what is refused or
 * not looked into: what lies in there may be called as a key is.
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
    // A name cannot be told from its capitals: of a new one, small letters and dashes are meant.
    const name = found[1]?.toLowerCase().replaceAll('_', '-') ?? ''
    const named = findKey(key.path.replace('*', name))
    const isWithin = found.groups?.['below'] !== undefined
    return named ? [inGivenCase({ ...named, isWithin }, settings)] : []
  })
  // What is known already is meant rather than something new.
  return all.find(({ names }) => settings.has(names.slice(0, 2).join('.'))) ?? all[0]
}
