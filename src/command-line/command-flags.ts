import { findKey, type KeyStep } from '../static-config/key-tree.js'
import { suggestFlag } from '../static-config/text-settings.js'

/** The words of a command line that commander (the parser of the command line) does not know as options. */
export interface CommandFlags {
  /** The values of the flags that set configuration keys, by the flag's name without dashes. */
  readonly flags: Readonly<Record<string, string>>
  /** The words that are neither flags nor values of flags, such as file names. */
  readonly operands: readonly string[]
}

/**
 * Joins each flag of the static configuration with its value: `--a b` becomes `--a=b`. The value may be a password that begins
 * with a dash. The parser (commander) would otherwise take it for an option.
 */
export function withValuesJoined(words: readonly string[]): string[] {
  const joined: string[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const value = /^--[^=]+$/.test(word) ? valueIn(words[at + 1], findKey(word.slice(2))?.step) : undefined
    joined.push(value === undefined ? word : `${word}=${value}`)
    if (value !== undefined) at += 1
  }
  return joined
}

/**
 * Returns an error message about the first unknown flag. Without this check, the value of an unknown flag would be taken for a
 * file or a command.
 */
export function unknownFlag({ flags }: CommandFlags): string | undefined {
  const name = Object.keys(flags).find((one) => !findKey(one))
  return name === undefined ? undefined : `there is no flag --${name}${suggestFlag(name)}`
}

/**
 * Separates the flags that set configuration keys from the other words. A flag has the form `--etcd.prefix=/a`,
 * `--etcd.prefix /a` or `--etcd`. If a flag is repeated, the last value counts, but a key whose type is a list gets all values.
 */
export function commandFlags(words: readonly string[]): CommandFlags {
  const flags: Record<string, string> = {}
  const operands: string[] = []
  for (const word of withValuesJoined(words)) {
    const [, name, value = 'true'] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) operands.push(word)
    else add(flags, name, value, findKey(name)?.step)
  }
  return { flags, operands }
}

/**
 * Returns the word after a flag if that word is the flag's value, otherwise undefined. Flags for tables and for booleans take a
 * value only after `=`.
 */
function valueIn(next: string | undefined, step: KeyStep | undefined): string | undefined {
  const kind = step?.key?.kind ?? 'flag'
  return kind === 'flag' || kind === 'table' ? undefined : next
}

function add(flags: Record<string, string>, name: string, value: string, step: KeyStep | undefined): void {
  const before = Object.hasOwn(flags, name) ? flags[name] : undefined
  // If `--entryPoints` is given several times, joins the values by line breaks. Each value describes an entry point of its own.
  if (before !== undefined && step?.name === 'entryPoints') flags[name] = `${before}\n${value}`
  else if (before !== undefined && LISTS.includes(step?.key?.kind ?? '')) flags[name] = `${before},${value}`
  else flags[name] = value
}

const LISTS: readonly string[] = ['list', 'numbers', 'pems']
