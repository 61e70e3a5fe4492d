import { suggestName } from '../rules/nearest-name.js'
import { type FoundKey, findKey } from './key-tree.js'
import type { Settings } from './settings.js'
import { isOpaque, STATIC_KEYS, type StaticKey } from './static-keys.js'

/** Before the names of environment variables. */
const PREFIX = 'SWITCHOVER_'

/** Variables of others that say something too. */
const FOREIGN: Readonly<Record<string, string>> = { CONSUL_HTTP_TOKEN: 'consul.token' }

/** Takes what environment variables say: `SWITCHOVER_ETCD_PREFIX` is `etcd.prefix`. */
export function takeEnvironment(settings: Settings, env: NodeJS.ProcessEnv): void {
  for (const [name, path] of Object.entries(FOREIGN)) {
    const value = env[name]
    // It says how to ask, not whether to.
    if (value && settings.has(path.split('.')[0] as string)) take(settings, findKey(path), value, name)
  }
  for (const [name, value = ''] of Object.entries(env)) {
    if (!name.startsWith(PREFIX)) continue
    const variable = name.slice(PREFIX.length)
    const found = keyOfVariable(variable, settings)
    if (variable === 'ENTRYPOINTS') takeEntryPoints(settings, value, name)
    else if (found) take(settings, found, value, name)
    else {
      const known = [...STATIC_KEYS.keys()].map((path) => PREFIX + variableOf(path))
      settings.issue(name, 'UNKNOWN_FIELD', `there is no such variable${suggestName(name, known)}`)
    }
  }
}

/** Takes what flags say, by their names without dashes; of one without a value it is `true`. */
export function takeFlags(settings: Settings, flags: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(flags)) {
    const shown = `--${name}`
    const found = findKey(name)
    if (found && found.names.length === 1 && found.names[0] === 'entryPoints')
      takeEntryPoints(settings, value, shown)
    else if (found) take(settings, inGivenCase(found, settings), value, shown)
    else
      settings.issue(
        shown,
        'UNKNOWN_FIELD',
        `there is no such flag${suggestName(name, STATIC_KEYS.keys()).replace('"', '"--')}`,
      )
  }
}

function take(settings: Settings, found: FoundKey | undefined, value: string, shown: string): void {
  if (!found) return
  const { names, step } = found
  settings.put(names, step, value, { shown, isText: true })
}

/** Entry points in Traefik 1.7's one text: `Name:http Address::80`, several in a row. */
function takeEntryPoints(settings: Settings, text: string, shown: string): void {
  let entryPoint: string | undefined
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const [, key = word, value = 'true'] = /^([^:]*):(.*)$/s.exec(word) ?? []
    if (key.toLowerCase() === 'name') {
      entryPoint = value
      continue
    }
    const found = entryPoint === undefined ? undefined : findKey(`entryPoints.${entryPoint}.${key}`)
    if (found) take(settings, inGivenCase(found, settings), value, shown)
    else {
      const message =
        entryPoint === undefined
          ? `expected "Name:http Address::80", found ${JSON.stringify(word)} before a name`
          : `an entry point has no ${JSON.stringify(key)}${suggestName(key, ENTRY_POINT_KEYS)}`
      settings.issue(shown, 'UNKNOWN_FIELD', message)
    }
  }
}

const ENTRY_POINT_KEYS = [...STATIC_KEYS.keys()]
  .filter((path) => path.startsWith('entryPoints.*.'))
  .map((path) => path.slice('entryPoints.*.'.length))

/** A name of the file's own that is there already stays as it is. */
function inGivenCase({ step, names }: FoundKey, settings: Settings): FoundKey {
  const place = step.key?.path.split('.').indexOf('*') ?? -1
  if (place < 0) return { step, names }
  const wanted = variableOf(names[place] ?? '')
  const known = settings.namesUnder(names.slice(0, place).join('.')).find((one) => variableOf(one) === wanted)
  return { step, names: known === undefined ? names : names.with(place, known) }
}

/** As it stands in the name of a variable. */
function variableOf(path: string): string {
  return path.toUpperCase().replaceAll(/[^A-Z\d*]/g, '_')
}

interface VariablePattern {
  readonly key: StaticKey
  readonly pattern: RegExp
}

/** Those without names of the file's own first: `_` may stand for a dot or in a name. */
const VARIABLES: readonly VariablePattern[] = [...STATIC_KEYS.values()]
  .toSorted((a, b) => Number(a.path.includes('*')) - Number(b.path.includes('*')))
  .map((key) => {
    const below = isOpaque(key) ? '(?:_.*)?' : ''
    return { key, pattern: new RegExp(`^${variableOf(key.path).replace('*', '(.+)')}${below}$`) }
  })

function keyOfVariable(variable: string, settings: Settings): FoundKey | undefined {
  for (const { key, pattern } of VARIABLES) {
    const found = pattern.exec(variable)
    if (!found) continue
    // A name cannot be told from its capitals: of a new one, small letters and dashes are meant.
    const name = found[1]?.toLowerCase().replaceAll('_', '-') ?? ''
    const named = findKey(key.path.replace('*', name))
    return named && inGivenCase(named, settings)
  }
  return undefined
}
