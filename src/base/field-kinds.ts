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
  /** The version of the schema that first has the field. Default: 1. */
  readonly since?: number
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
  /** The text is a secret: messages, logs, pages and diffs never show it. */
  readonly isSecret?: true
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
  /** What is counted: `bytes`. */
  readonly unit?: string
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
  /** What every name must match, for the JSON Schema alone, where `check` says it better to people. */
  readonly names?: RegExp
  /** The greatest number of names. Default: no limit. */
  readonly most?: number
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
  /** The value is a secret: messages, logs, pages and diffs never show it. */
  readonly isSecret?: true
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

/** A field and where it stands: `frontends.*.auth`, with `*` for each name that the document chooses. */
export interface PlacedField {
  readonly path: string
  readonly field: Field
}
