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

/** A place in a document whose fields have names of ours, and what lies in them. */
export interface FieldScope {
  readonly shape: Shape
  /** Fields that are such places themselves. */
  readonly inside?: Readonly<Record<string, FieldScope>>
  /** Fields whose entries, under names of the document's own, are such places. */
  readonly each?: Readonly<Record<string, FieldScope>>
  /** Fields whose entries, under names of the document's own, are values. */
  readonly open?: readonly string[]
}

/** A whole document. */
export const DOCUMENT_PLACE: FieldScope = {
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
 * A document with the names of its fields as they are written here: Traefik takes them in any case (`loadbalancer`,
 * `Backend`). Names of frontends, backends, servers and routes stay as they are, and so does what is no field.
 */
export function withFieldCase(document: unknown): unknown {
  return inPlace(document, DOCUMENT_PLACE)
}

function inPlace(value: unknown, { shape, inside = {}, each = {} }: FieldScope): unknown {
  if (!isRecord(value)) return value
  const fields = nullRecord<unknown>()
  for (const [given, field] of Object.entries(value)) {
    const name = fieldOf(shape, given) ?? given
    // Two that differ in case alone: the second stays, to be refused.
    const place = name in fields || (name !== given && Object.hasOwn(value, name)) ? given : name
    if (Object.hasOwn(inside, name)) fields[place] = inPlace(field, inside[name] as FieldScope)
    else if (Object.hasOwn(each, name) && isRecord(field))
      fields[place] = eachInPlace(field, each[name] as FieldScope)
    else fields[place] = field
  }
  return fields
}

/** The field that a name in any case means, if there is one. */
export function fieldOf(shape: Shape, given: string): string | undefined {
  let names = BY_SMALL_NAME.get(shape)
  if (!names) {
    names = new Map([...shape.now, ...shape.later].map((name) => [name.toLowerCase(), name]))
    BY_SMALL_NAME.set(shape, names)
  }
  return names.get(given.toLowerCase())
}

const BY_SMALL_NAME = new WeakMap<Shape, ReadonlyMap<string, string>>()

function eachInPlace(entries: Readonly<Record<string, unknown>>, place: FieldScope): unknown {
  const all = nullRecord<unknown>()
  for (const [name, entry] of Object.entries(entries)) all[name] = inPlace(entry, place)
  return all
}

/** Whether it has fields or names. Parsers make other things too: dates, maps. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
