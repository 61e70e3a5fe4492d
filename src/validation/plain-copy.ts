import { pathOf } from '../base/messages.js'
import { asError, configInvalid } from '../model/errors.js'
import { describe, isObject } from './plain-objects.js'

/**
 * Returns a copy of a document that is plain data: texts, numbers, flags, null, lists, and objects with own fields. The caller may
 * change the copy. The function yields after each entry, so that the caller can pause.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with the path of a value that is not plain data. A copy would leave a part of it out,
 *   perhaps a guard.
 */
export function* plainCopy(document: unknown): Generator<void, unknown> {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return copyAt(document, '')
  const copy: Record<string, unknown> = {}
  for (const [name, value] of fieldsOf(document, '')) {
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value)
    put(copy, name, isSection ? yield* copySection(value, name) : copyAt(value, pathOf('', name)))
  }
  return copy
}

/** Copies an object of the document's top level, such as `frontends`, in one step for each of its entries. */
function* copySection(section: object, path: string): Generator<void, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [name, entry] of fieldsOf(section, path)) {
    put(copy, name, copyAt(entry, pathOf(path, name)))
    yield
  }
  return copy
}

function copyAt(value: unknown, path: string): unknown {
  try {
    return copyOf(value, path)
  } catch (thrown) {
    if (thrown instanceof RangeError) throw notPlain(path, 'a value that is nested too deep')
    throw thrown
  }
}

function copyOf(value: unknown, path: string): unknown {
  if (['function', 'symbol', 'bigint'].includes(typeof value)) throw notPlain(path, `a ${typeof value}`)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Array.from(value, (item, index) => copyOf(item, `${path}[${index}]`))
  const copy: Record<string, unknown> = {}
  for (const [name, inside] of fieldsOf(value, path)) put(copy, name, copyOf(inside, pathOf(path, name)))
  return copy
}

/** Returns the fields of a plain object. @throws ProxyError if it is of a class, or has fields that a copy would not have */
function fieldsOf(value: object, path: string): [name: string, value: unknown][] {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype)
    throw notPlain(path, isObject(value) ? 'an object of a class' : describe(value))
  const names = Object.keys(value)
  if (Reflect.ownKeys(value).length > names.length) throw notPlain(path, 'a field that is not enumerable')
  return names.map((name) => {
    try {
      return [name, (value as Record<string, unknown>)[name]]
    } catch (thrown) {
      throw notPlain(pathOf(path, name), `a getter that throws: ${asError(thrown).message}`)
    }
  })
}

/** Sets an own field, whatever its name. A plain assignment to `__proto__` would set the prototype. */
function put(copy: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(copy, name, { value, enumerable: true, configurable: true, writable: true })
}

function notPlain(path: string, found: string) {
  return configInvalid([{ path, code: 'INVALID_TYPE', message: `expected plain data, found ${found}` }])
}
