import type { Field, ObjectField } from '../../src/base/field-kinds.js'
import { isSecret, placedFields } from '../../src/base/schema.js'
import { DOCUMENT } from '../../src/validation/document-schema.js'

/** A comment in a page of the docs, and the table below it, which is written again. */
const TABLE = /^<!-- table: (.+) -->\n\n(?:\|.*\n)*/gm

/** Returns a page of the docs with its tables of fields written again: `<!-- table: Frontend -->` stands above each. */
export function withFieldTables(page: string): string {
  const objects = new Map(
    [DOCUMENT, ...placedFields(DOCUMENT).flatMap(({ field }) => objectIn(field))].map((each) => [
      each.type,
      each,
    ]),
  )
  return page.replace(TABLE, (_all, name: string) => {
    const object = objects.get(name)
    const table =
      name === 'guards'
        ? guards()
        : name === 'unsupported fields'
          ? unsupported()
          : object && fieldsOf(object)
    if (!table) throw new Error(`docs/configuration.md asks for a table of ${name}, which is not known`)
    return `<!-- table: ${name} -->\n\n${table.map(row).join('')}`
  })
}

type Cells = readonly string[]

function fieldsOf({ fields }: ObjectField): Cells[] {
  const built = Object.entries(fields).filter(([, { kind }]) => kind !== 'later')
  return [
    ['field', 'value', 'default', 'meaning'],
    ['---', '---', '---', '---'],
    ...built.map(([name, field]) => [code(name), valuesTaken(field), defaultOf(field), meaningOf(field)]),
  ]
}

function guards(): Cells[] {
  const guarding = placedFields(DOCUMENT).filter(({ field }) => field.guard !== undefined)
  return [
    ['field', 'supported', 'why it guards'],
    ['---', '---', '---'],
    ...guarding.map(({ path, field }) => [
      code(path),
      field.kind === 'later' ? 'not yet' : 'yes',
      field.guard ?? '',
    ]),
  ]
}

function unsupported(): Cells[] {
  const later = placedFields(DOCUMENT).filter(({ field }) => field.kind === 'later')
  return [
    ['field', 'meaning'],
    ['---', '---'],
    ...later.map(({ path, field }) => [code(path), field.meaning]),
  ]
}

function meaningOf(field: Field): string {
  const isNew = field.kind !== 'later' && (field.since ?? 1) > 1
  return [
    field.meaning,
    ...(isSecret(field) ? ['*Secret*: no message and no page shows it.'] : []),
    ...(isNew ? [`Since version ${field.since} of the schema.`] : []),
  ].join(' ')
}

/** Returns in words which values a field takes. */
function valuesTaken(field: Field): string {
  if (field.kind !== 'later' && field.kind !== 'number' && field.required) return field.required.expected
  switch (field.kind) {
    case 'text':
      return field.expected ?? 'a text'
    case 'number':
      return field.unit === undefined ? field.expected : `${field.expected} (${field.unit})`
    case 'own':
      return field.expected
    case 'flag':
      return '`true` or `false`'
    case 'duration':
      return 'a duration above 0'
    case 'choice':
      return field.of.map(code).join(', ')
    case 'list':
      return 'a list of texts'
    case 'named':
      return 'an object with names as keys'
    default:
      return 'an object'
  }
}

function defaultOf(field: Field): string {
  if (field.kind === 'later') return ''
  if (field.required) return 'required'
  if (field.default !== undefined) return code(String(field.default))
  return field.defaultMeaning ?? 'none'
}

function objectIn(field: Field): ObjectField[] {
  if (field.kind === 'object') return [field]
  return field.kind === 'named' ? objectIn(field.of) : []
}

const code = (text: string): string => `\`${text}\``
const row = (cells: Cells): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
