import type {
  ChoiceField,
  DurationField,
  Field,
  Fields,
  FlagField,
  ListField,
  NamedField,
  NumberField,
  ObjectField,
  OwnField,
  PlacedField,
  TextField,
} from './field-kinds.js'
import { nullRecord } from './records.js'

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

/** Every field of an object and below it, from the top down. */
export function placedFields({ fields }: ObjectField, above = ''): PlacedField[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = above === '' ? name : `${above}.${name}`
    const [inside, each] = [insideOf(field), eachOf(field)]
    const below = inside ? placedFields(inside, path) : each ? placedFields(each, `${path}.*`) : []
    return [{ path, field }, ...below]
  })
}

/** Whether a field is a secret text, or has secret texts under names that the document chooses. */
export function isSecret(field: Field): boolean {
  if (field.kind === 'named') return isSecret(field.of)
  return (field.kind === 'text' || field.kind === 'own') && field.isSecret === true
}

/** Whether a field is a secret, or holds one. A message that shows its value could show the secret. */
export function holdsSecret(field: Field): boolean {
  const known = HOLDS_SECRET.get(field)
  if (known !== undefined) return known
  const below =
    field.kind === 'object' ? Object.values(field.fields) : field.kind === 'named' ? [field.of] : []
  const holds = isSecret(field) || below.some(holdsSecret)
  HOLDS_SECRET.set(field, holds)
  return holds
}

const HOLDS_SECRET = new WeakMap<Field, boolean>()
