import { findKey, type KeyStep } from '../static-config/key-tree.js'
import { suggestFlag } from '../static-config/text-settings.js'

/** Words of a command line that commander knows nothing of. */
export interface CommandFlags {
  /** Of the static configuration, without dashes. */
  readonly flags: Readonly<Record<string, string>>
  /** What is no flag. */
  readonly operands: readonly string[]
}

/**
 * The same words, in which a flag of the static configuration and the word behind it that is its value are one: a password
 * may begin with a dash, and who looks for options must not take it for one.
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

/** What is wrong with flags that nobody knows, before what stands behind one is taken for something else. */
export function unknownFlag({ flags }: CommandFlags): string | undefined {
  const name = Object.keys(flags).find((one) => !findKey(one))
  return name === undefined ? undefined : `there is no flag --${name}${suggestFlag(name)}`
}

/**
 * Tells flags of the static configuration from the rest: `--etcd.prefix=/a`, `--etcd.prefix /a`, `--etcd`. One that is given
 * several times adds to a list, or the last one counts.
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

/** The word behind a flag, if it is the flag's value: tables, and what is true or false, are on without one. */
function valueIn(next: string | undefined, step: KeyStep | undefined): string | undefined {
  const kind = step?.key?.kind ?? 'flag'
  return kind === 'flag' || kind === 'table' ? undefined : next
}

function add(flags: Record<string, string>, name: string, value: string, step: KeyStep | undefined): void {
  const before = Object.hasOwn(flags, name) ? flags[name] : undefined
  // Entry points may come one in each; a line for each tells them apart.
  if (before !== undefined && step?.name === 'entryPoints') flags[name] = `${before}\n${value}`
  else if (before !== undefined && LISTS.includes(step?.key?.kind ?? '')) flags[name] = `${before},${value}`
  else flags[name] = value
}

const LISTS: readonly string[] = ['list', 'numbers', 'pems']
