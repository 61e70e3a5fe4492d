import { nullRecord } from '../base/records.js'
import {
  BACKEND,
  BUFFERING,
  CIRCUIT_BREAKER,
  DOCUMENT,
  FRONTEND,
  HEALTH_CHECK,
  LOAD_BALANCER,
  MAX_CONN,
  OUTLIER_DETECTION,
  QUEUE,
  ROUTE,
  SERVER,
  type Shape,
  STICKINESS,
  STRICT_DNS,
  WHITE_LIST,
} from './document-shapes.js'

/** The fields of one kind of object in a document, and the kinds of objects inside it. */
export interface FieldScope {
  readonly shape: Shape
  /** Fields whose value is an object with fields, such as `loadBalancer`. */
  readonly inside?: Readonly<Record<string, FieldScope>>
  /**
   * Fields whose value is an object of entries, such as `servers`. The document chooses the names. Each entry is an object with
   * fields.
   */
  readonly each?: Readonly<Record<string, FieldScope>>
  /** Fields whose value is an object of plain values, such as `headers` of a health check. The document chooses the names. */
  readonly open?: readonly string[]
}

/** The fields of a whole document. */
export const DOCUMENT_SCOPE: FieldScope = {
  shape: DOCUMENT,
  each: {
    frontends: {
      shape: FRONTEND,
      inside: { whiteList: { shape: WHITE_LIST } },
      each: { routes: { shape: ROUTE } },
    },
    backends: {
      shape: BACKEND,
      inside: {
        loadBalancer: { shape: LOAD_BALANCER, inside: { stickiness: { shape: STICKINESS } } },
        buffering: { shape: BUFFERING },
        healthCheck: { shape: HEALTH_CHECK, open: ['headers'] },
        outlierDetection: { shape: OUTLIER_DETECTION },
        circuitBreaker: { shape: CIRCUIT_BREAKER },
        maxConn: { shape: MAX_CONN },
        queue: { shape: QUEUE },
        strictDns: { shape: STRICT_DNS },
      },
      each: { servers: { shape: SERVER } },
    },
  },
}

/**
 * Returns a document with its fields in the spelling that validation knows. Traefik takes them in any case (`loadbalancer`,
 * `Backend`). Names of frontends, backends, servers and routes stay as they are, and so do unknown fields.
 */
export function withFieldCase(document: unknown): unknown {
  return inCase(document, DOCUMENT_SCOPE)
}

function inCase(value: unknown, { shape, inside = {}, each = {} }: FieldScope): unknown {
  if (!isRecord(value)) return value
  const fields = nullRecord<unknown>()
  for (const [given, field] of Object.entries(value)) {
    const name = fieldOf(shape, given) ?? given
    // If two fields differ in case alone, the second keeps its spelling, so that validation refuses it.
    const written = name in fields || (name !== given && Object.hasOwn(value, name)) ? given : name
    if (Object.hasOwn(inside, name)) fields[written] = inCase(field, inside[name] as FieldScope)
    else if (Object.hasOwn(each, name) && isRecord(field))
      fields[written] = eachInCase(field, each[name] as FieldScope)
    else fields[written] = field
  }
  return fields
}

/** Returns the field that a name in any case means, or undefined if there is none. */
export function fieldOf(shape: Shape, given: string): string | undefined {
  let names = BY_SMALL_NAME.get(shape)
  if (!names) {
    names = new Map([...shape.now, ...shape.later].map((name) => [name.toLowerCase(), name]))
    BY_SMALL_NAME.set(shape, names)
  }
  return names.get(given.toLowerCase())
}

const BY_SMALL_NAME = new WeakMap<Shape, ReadonlyMap<string, string>>()

function eachInCase(entries: Readonly<Record<string, unknown>>, scope: FieldScope): unknown {
  const all = nullRecord<unknown>()
  for (const [name, entry] of Object.entries(entries)) all[name] = inCase(entry, scope)
  return all
}

/** Returns whether a value is a plain object. Parsers also make objects without fields, such as dates and maps. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
