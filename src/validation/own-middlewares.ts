import type { Field, ObjectField } from '../base/field-kinds.js'
import { describeValue, quote } from '../base/messages.js'
import { present } from '../base/records.js'
import { own } from '../base/schema.js'
import { HOOKS, type MiddlewareKind } from '../middlewares/middleware-kind.js'
import { MIDDLEWARES } from '../middlewares/middlewares.js'
import { ProxyError } from '../model/errors.js'
import { FRONTEND } from './frontend-schema.js'

const EXTENDED = new WeakMap<object, ObjectField>()

/**
 * Returns the schema of frontends, with the fields of the application's own middlewares.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if one of the kinds is wrong
 */
export function frontendSchema(kinds: readonly MiddlewareKind[] = []): ObjectField {
  if (kinds.length === 0) return FRONTEND
  const known = EXTENDED.get(kinds)
  if (known) return known
  const fields: Record<string, Field> = Object.assign(Object.create(null), FRONTEND.fields)
  for (const [index, kind] of kinds.entries()) {
    checkKind(kind, fields, `middlewares[${index}]`)
    const { meaning, expected, is, guard, isSecret } = kind.schema
    const isRight = (value: unknown) => {
      try {
        return is(value) === true
      } catch {
        // A function that cannot judge a value has not found it right.
        return false
      }
    }
    fields[kind.field] = own({
      meaning,
      expected,
      is: isRight,
      jsonSchema: {},
      ...present({ guard, isSecret }),
    })
  }
  const extended = { ...FRONTEND, fields, entries: Object.entries(fields) }
  EXTENDED.set(kinds, extended)
  return extended
}

function checkKind(kind: unknown, fields: Readonly<Record<string, Field>>, where: string): void {
  const { field, schema, compile, explain } = (kind ?? {}) as Partial<MiddlewareKind>
  const wrong = (name: string, expected: string, found: unknown) => {
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `${where}${name}: expected ${expected}, found ${describeValue(found)}`,
    )
  }
  if (typeof kind !== 'object' || kind === null) wrong('', 'an object with field, schema and compile', kind)
  if (typeof field !== 'string' || !/^[A-Za-z]\w{0,63}$/.test(field))
    return wrong('.field', 'the name of a field: a letter, then letters and digits', field)
  const taken = [...Object.keys(fields), ...MIDDLEWARES.map((row) => row.field), HOOKS]
  if (field in Object.prototype) wrong('.field', 'a name that no object has by itself', field)
  if (taken.some((name) => name.toLowerCase() === field.toLowerCase()))
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `${where}.field: frontends have a field ${quote(field)} already`,
    )
  const { meaning, expected, is } = (schema ?? {}) as Partial<MiddlewareKind['schema']>
  if (typeof meaning !== 'string' || typeof expected !== 'string' || typeof is !== 'function')
    wrong('.schema', 'an object with meaning, expected and is', schema)
  if (typeof compile !== 'function') wrong('.compile', 'a function', compile)
  if (explain !== undefined && typeof explain !== 'function') wrong('.explain', 'a function', explain)
}
