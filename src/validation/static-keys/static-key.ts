import type { About } from '../../base/field-kinds.js'

/** The type of the value of a key of the static configuration. `VALUE_KINDS` says how a value of each type is read. */
export type ValueKind =
  | 'text'
  | 'secret'
  | 'secrets'
  | 'path'
  | 'pem'
  | 'pems'
  | 'number'
  | 'numbers'
  | 'flag'
  | 'duration'
  | 'limit'
  | 'list'
  | 'table'

/** What a reload does with a changed key: it applies the change, or it warns that the change needs a restart. */
export type ReloadEffect = 'applied' | 'restart'

/**
 * The declaration of a key of the static configuration (`traefik.toml`). Reading, reloads and docs follow from it. A key says of
 * itself what a field of a document says: its meaning, its default, and whether Traefik has it. The meaning also tells where
 * Traefik differs.
 */
export interface StaticKey extends Pick<About, 'meaning' | 'default' | 'defaultMeaning' | 'traefik'> {
  /** The path of the key in Traefik's spelling. The part `*` stands for a name that the operator chooses. */
  readonly path: string
  readonly kind: ValueKind
  /**
   * The option that gets the key's value, such as `options.timeouts.connectMs`. The first part names the receiver: `options` is
   * `createProxy`, `api` is the fetcher of the config API, and any other word is a provider. Other values:
   *
   * - `later`: the proxy does not support this key of Traefik yet. It ignores the key with a warning.
   * - `refused`: the proxy does not support this key yet and must not ignore it, so it reports an error. Most such keys are guards.
   * - `nothing`: the key has no effect, and the proxy needs none.
   * - Any other string says in words what the key is for.
   */
  readonly becomes: string
  /** What happens without the key. Only guards have it: the proxy never ignores them. */
  readonly guard?: string
  /** What to do instead of a refused key, before removing it. Error messages end with it. */
  readonly wayOut?: string
  readonly reload: ReloadEffect
  /** The current name of a key that is an older name. */
  readonly oldNameOf?: string
  /** The names of the providers that a table can create. */
  readonly creates?: readonly string[]
}

/** A key as its row declares it. `keysOf` adds the rest. */
type KeyRow = Omit<StaticKey, 'path' | 'reload' | 'oldNameOf'> & { readonly reload?: ReloadEffect }

/** An older name as its row declares it. Everything else is that of the current name, a guard too. */
type OldNameRow = Required<Pick<StaticKey, 'meaning' | 'oldNameOf'>>

/** What a row says beside the kind of its key, the option and the meaning. */
type More = Partial<Omit<KeyRow, 'kind' | 'becomes' | 'meaning'>>

/** Makes the builder of a kind. It takes the option that gets the value, the meaning, and what else a row may say. */
const row =
  (kind: ValueKind) =>
  (becomes: string, meaning: string, more: More = {}): KeyRow => ({ kind, becomes, meaning, ...more })

/** A key whose value is a text. */
export const text = row('text')
/** A key whose value is a text that no message shows. */
export const secret = row('secret')
/** A key whose value is one secret or a list of them. */
export const secrets = row('secrets')
/** A key whose value is the path of a file or a folder. */
export const path = row('path')
/** A key whose value is a PEM text, or the path of a file with it. */
export const pem = row('pem')
/** A key whose value is a list of PEM texts or of paths. */
export const pems = row('pems')
/** A key whose value is a whole number, 0 or more. */
export const number = row('number')
/** A key whose value is a list of numbers. */
export const numbers = row('numbers')
/** A key whose value is true or false. */
export const flag = row('flag')
/** A key whose value is a duration. */
export const duration = row('duration')
/** A key whose value is a duration, of which 0 means no limit. */
export const limit = row('limit')
/** A key whose value is a list of texts. */
export const list = row('list')
/** A key that is a table, or switches one on. */
export const table = row('table')

/** A key of Traefik that the proxy does not support yet, and ignores with a warning. */
export const later = (kind: ValueKind, meaning: string): KeyRow => ({ kind, becomes: 'later', meaning })

/** A key of Traefik that the proxy does not support yet, and refuses. Most such keys are guards. */
export const refused = (kind: ValueKind, meaning: string, wayOut: string, guard?: string): KeyRow => ({
  kind,
  becomes: 'refused',
  meaning,
  wayOut,
  ...(guard !== undefined && { guard }),
})

/** An older name of a key in the same section. */
export const oldNameOf = (current: string, meaning = `The old name of \`${current}\`.`): OldNameRow => ({
  oldNameOf: current,
  meaning,
})

/** Keys that belong together: a section of docs/traefik-toml.md. */
export interface KeySection {
  readonly title: string
  readonly keys: readonly StaticKey[]
}

/**
 * Declares the keys of a section, by their paths.
 *
 * @param common what each row says that does not say it itself
 */
export function keysOf(
  title: string,
  common: Pick<StaticKey, 'reload' | 'traefik'>,
  rows: Readonly<Record<string, KeyRow | OldNameRow>>,
): KeySection {
  const keys = Object.entries(rows).map(([path, given]) => {
    if ('becomes' in given) return { path, ...common, ...given }
    const current = rows[given.oldNameOf]
    if (!current || !('becomes' in current)) throw new Error(`${path}: there is no key ${given.oldNameOf}`)
    // What holds without the key is said once, for the current name. A table creates providers under that name alone.
    const { default: _default, defaultMeaning: _defaultMeaning, creates: _creates, ...rest } = current
    return { path, ...common, ...rest, ...given }
  })
  return { title, keys }
}
