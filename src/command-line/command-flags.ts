import { findKey, type KeyStep } from '../static-config/key-tree.js'

/** Words of a command line that commander knows nothing of. */
export interface CommandFlags {
  /** Of the static configuration, without dashes. */
  readonly flags: Readonly<Record<string, string>>
  /** What is no flag. */
  readonly operands: readonly string[]
}

/**
 * Tells flags of the static configuration from the rest: `--etcd.prefix=/a`, `--etcd.prefix /a`, `--etcd`. One that is given
 * several times adds to a list, or the last one counts.
 */
export function commandFlags(words: readonly string[]): CommandFlags {
  const flags: Record<string, string> = {}
  const operands: string[] = []
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    const [, name, given] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) {
      operands.push(word)
      continue
    }
    const step = findKey(name)?.step
    const value = given ?? valueIn(words[at + 1], step)
    if (given === undefined && value !== undefined) at += 1
    add(flags, name, value ?? 'true', step)
  }
  return { flags, operands }
}

/** The word behind a flag, if it is the flag's value: tables, and what is true or false, are on without one. */
function valueIn(next: string | undefined, step: KeyStep | undefined): string | undefined {
  const kind = step?.key?.kind ?? 'flag'
  return kind === 'flag' || kind === 'table' || next?.startsWith('-') ? undefined : next
}

function add(flags: Record<string, string>, name: string, value: string, step: KeyStep | undefined): void {
  const before = Object.hasOwn(flags, name) ? flags[name] : undefined
  // Entry points may come one in each.
  if (before !== undefined && step?.name === 'entryPoints') flags[name] = `${before} ${value}`
  else if (before !== undefined && LISTS.includes(step?.key?.kind ?? '')) flags[name] = `${before},${value}`
  else flags[name] = value
}

const LISTS: readonly string[] = ['list', 'numbers', 'pems']
