import { nullRecord } from './records.js'

/** What every field says of itself, whatever its kind. Docs, types and the JSON Schema show it. */
export interface About {
  /** What the field does, in plain English: whole sentences, or a noun phrase with the unit. */
  readonly meaning: string
  /** The value of an absent field, as a document would write it. */
  readonly default?: string | number | boolean
  /** What an absent field means, where no single value says it: "that of the server's URL". */
  readonly defaultMeaning?: string
  /** Refuses an object without the field. Says what was expected. */
  readonly required?: RequiredField
  /** The field does not count in the digest of a document: it names the document and does not change what it asks for. */
  readonly isOutsideDigest?: true
  /** False if Traefik 1.7 does not have the field. */
  readonly traefik?: false
}

/** What is said of a required field that is absent. */
export interface RequiredField {
  /** Default `MISSING_FIELD`. */
  readonly code?: string
  /** For example `a URL`. */
  readonly expected: string
}

/** What a check found wrong with a value: a message, or several with codes and paths below the field's. */
export type Flaws = string | readonly Flaw[] | undefined

/** One thing that is wrong with a value. */
export interface Flaw {
  readonly code: string
  readonly message: string
  /** Below the field's own path. Default: the field itself. */
  readonly below?: string
}

/**
 * Looks at a value that has the right kind already.
 *
 * @param host names that the host's code adds, such as strategies. Each schema says which type it expects
 */
export type Check<T> = (value: T, host: never) => Flaws

/** A text. */
export interface TextField extends About {
  readonly kind: 'text'
  /** The text names something, so it stands in events and metrics. It has at most 1,024 bytes. */
  readonly isName?: true
  /** A number stands for the text of its digits. */
  readonly takesNumbers?: true
  /** What the whole text must match, for the JSON Schema too. `expected` says it in words. */
  readonly pattern?: RegExp
  readonly expected?: string
  /** A pattern for the JSON Schema alone, where `check` says it better to people. */
  readonly format?: RegExp
  readonly check?: Check<string>
}

/** A number within bounds. */
export interface NumberField extends About {
  readonly kind: 'number'
  readonly isWhole?: true
  readonly least?: number
  readonly most?: number
  /** The bounds in words: `a port from 1 to 65535`. */
  readonly expected: string
}

/** True or false. */
export interface FlagField extends About {
  readonly kind: 'flag'
}

/** A duration above 0, as `"10s"`; a bare number is seconds. */
export interface DurationField extends About {
  readonly kind: 'duration'
}

/** A choice of several texts. */
export interface ChoiceField extends About {
  readonly kind: 'choice'
  readonly of: readonly string[]
}

/** A list of at least one text. */
export interface ListField extends About {
  readonly kind: 'list'
  /** Whether an empty list asks for nothing. Default: it is refused, because it may be meant to let nothing in. */
  readonly isOffWhenEmpty?: true
  readonly check?: Check<readonly string[]>
}

/** Values under names of the document's own. */
export interface NamedField extends About {
  readonly kind: 'named'
  readonly of: Field
  /** Looks at one name and its value, once the value has its kind. */
  readonly check?: (name: string, value: never, host: never) => Flaws
}

type Values = Readonly<Record<string, unknown>>

/** Fields with fixed names. */
export interface ObjectField extends About {
  readonly kind: 'object'
  /** The name of the type, `Frontend`. */
  readonly type: string
  /** The fields by name. No name leads out of the record. */
  readonly fields: Fields
  /** The same as a list, for reading many objects. */
  readonly entries: readonly (readonly [name: string, field: Field])[]
  /** Whether `{}` asks for the defaults, or for nothing. Default: for nothing. */
  readonly isOnWhenEmpty?: true
  /** What several fields must be together, for the JSON Schema: `oneOf`, `anyOf`. `check` says it to people. */
  readonly rules?: Readonly<Record<string, unknown>>
  /**
   * Looks at several fields together.
   *
   * @param given what asks for something, as the document has it, even where it is wrong
   * @param read the copies of the fields that are right
   */
  readonly check?: (given: Values, host: never, read: Values) => Flaws
}

/** A value that no other kind describes. It comes with its own test of the kind and its own JSON Schema. */
export interface OwnField extends About {
  readonly kind: 'own'
  readonly jsonSchema: Readonly<Record<string, unknown>>
  /** What was expected, where `is` says no. */
  readonly expected: string
  readonly is: (value: unknown) => boolean
  readonly check?: Check<never>
}

/** A field of Traefik 1.7 that is known by name and not built. A document that asks for it is refused. */
export interface LaterField {
  readonly kind: 'later'
  readonly meaning: string
}

/** A field of any kind. `guard` says what happens without it: such a field is never dropped. */
export type Field = (
  | TextField
  | NumberField
  | FlagField
  | DurationField
  | ChoiceField
  | ListField
  | NamedField
  | ObjectField
  | OwnField
  | LaterField
) & { readonly guard?: string }

/** The fields of an object, by name. */
export type Fields = Readonly<Record<string, Field>>

/** What a builder takes: a field without its kind. */
type Given<F> = Omit<F, 'kind'> & { readonly guard?: string }

export const text = (given: Given<TextField>): TextField => ({ kind: 'text', ...given })
export const number = (given: Given<NumberField>): NumberField => ({ kind: 'number', ...given })
export const flag = (given: Given<FlagField>): FlagField => ({ kind: 'flag', ...given })
export const duration = (given: Given<DurationField>): DurationField => ({ kind: 'duration', ...given })
export const list = (given: Given<ListField>): ListField => ({ kind: 'list', ...given })
export const choice = (given: Given<ChoiceField>): ChoiceField => ({ kind: 'choice', ...given })
export const named = (given: Given<NamedField>): NamedField => ({ kind: 'named', ...given })
export const own = (given: Given<OwnField>): OwnField => ({ kind: 'own', ...given })
export const later = (meaning: string, guard?: string): Field => ({
  kind: 'later',
  meaning,
  ...(guard !== undefined && { guard }),
})

/** A whole number of 1 or more. */
export const count = (given: Omit<Given<NumberField>, 'expected'>): NumberField =>
  number({ isWhole: true, least: 1, expected: 'a whole number of 1 or more', ...given })

/** A share from 0 to 1. */
export const share = (given: Omit<Given<NumberField>, 'expected'>): NumberField =>
  number({ least: 0, most: 1, expected: 'a share from 0 to 1', ...given })

/** The kinds of field that a member of a type may have: another kind does not compile. */
type FieldFor<V> = [V] extends [boolean]
  ? FlagField
  : [V] extends [number]
    ? NumberField
    : [V] extends [readonly string[]]
      ? ListField
      : [V] extends [string]
        ? TextField | ChoiceField | OwnField
        : [V] extends [string | number]
          ? DurationField | OwnField
          : string extends keyof V
            ? NamedField
            : ObjectField | OwnField

/** An object whose built fields are the members of a type, each of the kind of its member. */
export function object<T extends object>(
  given: Omit<Given<ObjectField>, 'fields' | 'entries'>,
  built: {
    readonly [K in keyof Required<T>]: FieldFor<Exclude<T[K], undefined>> & { readonly guard?: string }
  },
  notBuilt: Readonly<Record<string, Field>> = {},
): ObjectField {
  const fields: Fields = Object.assign(nullRecord<Field>(), built, notBuilt)
  return { kind: 'object', ...given, fields, entries: Object.entries(fields) }
}

/** The field that a name in any case means, if there is one. Traefik takes names in any case. */
export function fieldNamed({ fields }: ObjectField, given: string): string | undefined {
  let names = BY_SMALL_NAME.get(fields)
  if (!names) {
    names = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]))
    BY_SMALL_NAME.set(fields, names)
  }
  return names.get(given.toLowerCase())
}

const BY_SMALL_NAME = new WeakMap<Fields, ReadonlyMap<string, string>>()

/** The object that a field holds under a fixed name; undefined for a field of another kind. */
export function insideOf(field: Field | undefined): ObjectField | undefined {
  return field?.kind === 'object' ? field : undefined
}

/** The object that a field holds under each name that the document chooses; undefined for a field of another kind. */
export function eachOf(field: Field | undefined): ObjectField | undefined {
  return field?.kind === 'named' && field.of.kind === 'object' ? field.of : undefined
}

/** A field and where it stands: `frontends.*.auth`, with `*` for each name that the document chooses. */
export interface PlacedField {
  readonly path: string
  readonly field: Field
}

/** Every field of an object and below it, from the top down. */
export function placedFields({ fields }: ObjectField, above = ''): PlacedField[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = above === '' ? name : `${above}.${name}`
    const [inside, each] = [insideOf(field), eachOf(field)]
    const below = inside ? placedFields(inside, path) : each ? placedFields(each, `${path}.*`) : []
    return [{ path, field }, ...below]
  })
}
