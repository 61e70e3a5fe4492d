import type { StaticKey } from '../../src/validation/static-keys/static-key.js'
import { KEY_SECTIONS } from '../../src/validation/static-keys/static-keys.js'

/** A comment in a page of the docs, with the sentence and the table below it, which are written again. */
const TABLE = /^<!-- table: static keys: (.+) -->\n\n(?:[^|#\n].*\n\n)?(?:\|.*\n)*/gm

/** Returns docs/traefik-toml.md with its tables of keys written again: `<!-- table: static keys: Logs -->` stands above each. */
export function withStaticKeyTables(page: string): string {
  return page.replace(TABLE, (_all, title: string) => {
    const section = KEY_SECTIONS.find((each) => each.title === title)
    if (!section) throw new Error(`docs/traefik-toml.md asks for the keys of ${title}, which are not known`)
    const head = ['key', 'written as', 'default', 'becomes', 'meaning']
    const rows = [head, head.map(() => '---'), ...section.keys.map(cellsOf)]
    return `<!-- table: static keys: ${title} -->\n\n${effectOfReload(section.keys)}\n\n${rows.map(row).join('')}`
  })
}

/** Says in a sentence what a reload does with the keys of a section. Refused keys are left out: no reload gets that far. */
function effectOfReload(keys: readonly StaticKey[]): string {
  const allowed = keys.filter(({ becomes }) => becomes !== 'refused')
  const applied = allowed.filter(({ reload }) => reload === 'applied')
  if (applied.length === 0) return 'Changes of these keys need a restart.'
  if (applied.length === allowed.length) return 'A reload applies changes of these keys.'
  const names = applied.map(({ path }) => code(path)).join(', ')
  return `Changes of these keys need a restart. A reload applies only ${names}.`
}

function cellsOf(key: StaticKey): string[] {
  const { path, kind, meaning, guard, traefik } = key
  const whose = traefik === false ? '*Ours.* ' : ''
  const why = guard === undefined ? '' : ` *Guard*: ${guard}.`
  return [code(path), kind, defaultOf(key), targetOf(key), `${whose}${meaning}${why}`]
}

function defaultOf({ kind, becomes, oldNameOf, default: value, defaultMeaning }: StaticKey): string {
  if (value !== undefined) return code(JSON.stringify(value))
  const isWithout = kind === 'table' || oldNameOf !== undefined || /^(later|refused|nothing)\b/.test(becomes)
  return defaultMeaning ?? (isWithout ? '' : 'none')
}

function targetOf({ becomes }: StaticKey): string {
  if (becomes === 'later') return '*later*'
  if (becomes === 'refused') return '**refused**'
  return /^[a-z]+(\.[\w*]+)+$/i.test(becomes) ? code(becomes) : becomes
}

const code = (text: string): string => `\`${text}\``
const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
