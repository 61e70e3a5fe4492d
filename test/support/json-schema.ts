import type { Field, ObjectField } from '../../src/base/field-kinds.js'
import { MAX_TIMER_MS } from '../../src/base/known-options.js'
import { placedFields } from '../../src/base/schema.js'
import { DOCUMENT, SCHEMA_VERSION } from '../../src/validation/document-schema.js'
import { MAX_NAME_BYTES, RESERVED_NAMES } from '../../src/validation/names.js'

/** A schema in JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Durations as Go writes them, without a sign. Zero is refused. */
const DURATION = {
  anyOf: [
    { type: 'number', exclusiveMinimum: 0, maximum: Math.floor(MAX_TIMER_MS / 1_000) },
    { type: 'string', pattern: '^(\\d+(\\.\\d*)?|(\\d+(\\.\\d*)?|\\.\\d+)(ns|us|µs|ms|s|m|h))+$' },
  ],
}

/** A name that a document may give to an entry. */
const NAME = {
  type: 'string',
  minLength: 1,
  maxLength: MAX_NAME_BYTES,
  not: { pattern: `@|[\\u0000-\\u001f\\u007f-\\u009f]|^(${RESERVED_NAMES.join('|')})$` },
}

/** All types of the document's objects, by name: `Frontend`, `Backend`, `Rule`. */
export function definitions(base: string): Record<string, JsonSchema> {
  const objects = [DOCUMENT, ...placedFields(DOCUMENT).flatMap(({ field }) => objectsIn(field))]
  const found: Record<string, JsonSchema> = {}
  for (const object of objects) found[object.type] ??= objectSchema(object, base)
  const rules = placedFields(DOCUMENT).find(({ field }) => field.kind === 'own')?.field
  if (rules?.kind === 'own') found['Rule'] = withBase(rules.jsonSchema, base)
  return found
}

/** The JSON Schema of whole documents, as it is published. */
export function documentJsonSchema(): JsonSchema {
  const { ProviderConfig: document, ...defs } = definitions('#/$defs/')
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: `Version ${SCHEMA_VERSION} of the schema`,
    title: 'A document of Switchover: frontends and backends, with the field names of Traefik 1.7',
    ...document,
    $defs: defs,
  }
}

function objectsIn(field: Field): ObjectField[] {
  if (field.kind === 'object') return [field]
  return field.kind === 'named' && field.of.kind === 'object' ? [field.of] : []
}

function objectSchema({ meaning, fields, rules }: ObjectField, base: string): JsonSchema {
  const required = Object.entries(fields).flatMap(([name, field]) =>
    field.kind !== 'later' && field.required ? [name] : [],
  )
  return {
    description: meaning,
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    ...rules,
    properties: Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, fieldSchema(field, base)]),
    ),
  }
}

function fieldSchema(field: Field, base: string): JsonSchema {
  if (field.kind === 'later')
    return {
      description: `${field.meaning} Traefik 1.7 has it, and Switchover does not support it yet.`,
      deprecated: true,
      enum: [false, null, ''],
    }
  const { meaning, default: standard } = field
  const standardMeaning = field.defaultMeaning ? ` Default: ${field.defaultMeaning}.` : ''
  const unit = field.kind === 'number' && field.unit ? ` Unit: ${field.unit}.` : ''
  const origin = field.traefik === false ? ' Traefik 1.7 does not have this field.' : ''
  const description = `${meaning}${unit}${standardMeaning}${origin}`
  return { description, ...(standard !== undefined && { default: standard }), ...kindSchema(field, base) }
}

function kindSchema(field: Exclude<Field, { kind: 'later' }>, base: string): JsonSchema {
  switch (field.kind) {
    case 'text':
      return textSchema(field)
    case 'number':
      return {
        type: field.isWhole ? 'integer' : 'number',
        ...(field.least !== undefined && { minimum: field.least }),
        ...(field.most !== undefined && { maximum: field.most }),
      }
    case 'flag':
      return { type: 'boolean' }
    case 'duration':
      return DURATION
    case 'choice':
      return { enum: field.of }
    case 'list':
      return { type: 'array', minItems: 1, items: { type: 'string', maxLength: MAX_NAME_BYTES } }
    case 'named':
      return {
        type: 'object',
        propertyNames: field.names === undefined ? NAME : { pattern: field.names.source },
        ...(field.most !== undefined && { maxProperties: field.most }),
        additionalProperties:
          field.of.kind === 'object' ? { $ref: `${base}${field.of.type}` } : fieldSchema(field.of, base),
      }
    case 'object':
      return { $ref: `${base}${field.type}` }
    case 'own':
      return { $ref: `${base}Rule` }
  }
}

function textSchema({
  pattern,
  isName,
  takesNumbers,
  format,
  isSecret,
}: Field & { readonly kind: 'text' }): JsonSchema {
  const text = {
    type: 'string',
    ...(isSecret && { writeOnly: true }),
    ...(isName && { maxLength: MAX_NAME_BYTES }),
    ...((pattern ?? format) && { pattern: (pattern ?? format)?.source }),
  }
  return takesNumbers ? { anyOf: [text, { type: 'integer', minimum: 100, maximum: 999 }] } : text
}

/** A JSON Schema whose references lead elsewhere. */
function withBase(schema: JsonSchema, base: string): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/$defs/', base)) as JsonSchema
}
