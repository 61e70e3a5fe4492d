import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MAX_TIMER_MS } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { parseDuration } from '../base/parse-duration.js'
import { asError } from '../model/errors.js'
import type { ValueKind } from '../validation/static-keys/static-key.js'
import { STATIC_KEYS } from '../validation/static-keys/static-keys.js'

/** A type of configuration values: how such a value is read, and how error messages describe the type. */
interface ReadKind {
  /** A description of the type, for the error message about a value that has another type. */
  readonly expected: string
  /** True if a value is a secret or may contain secrets. Error messages do not quote such a value. */
  readonly isHidden?: true
  /**
   * Converts a value from the configuration. Returns undefined if the value is not of this type.
   *
   * @param isText true if the value comes from an environment variable or a flag, which hold only strings
   */
  read(raw: unknown, isText: boolean): unknown
}

const LISTED: ReadKind['read'] = (raw) => {
  const list = typeof raw === 'string' ? raw.split(',').map((part) => part.trim()) : raw
  if (!Array.isArray(list) || !list.every((part) => typeof part === 'string')) return undefined
  return list.filter((part) => part !== '')
}

const TEXT: ReadKind = { expected: 'a text', read: (raw) => (typeof raw === 'string' ? raw : undefined) }
const DURATION: ReadKind = {
  expected: 'a duration of at most 596 hours such as "10s"; a bare number is seconds',
  read: (raw) => {
    const ms = parseDuration(raw)
    return ms !== undefined && ms <= MAX_TIMER_MS ? ms : undefined
  },
}
const LIST: ReadKind = { expected: 'a list of texts', read: LISTED }

/** The strings in lower case that mean true or false. Go's `strconv.ParseBool` accepts the same words. */
const FLAGS: ReadonlyMap<unknown, boolean> = new Map([
  ...['true', '1', 't'].map((word) => [word, true] as const),
  ...['false', '0', 'f'].map((word) => [word, false] as const),
])

export const VALUE_KINDS: Readonly<Record<ValueKind, ReadKind>> = {
  text: TEXT,
  secret: { ...TEXT, isHidden: true },
  secrets: {
    isHidden: true,
    expected: 'a text or a list of texts',
    // A string in a file is one secret, even if it contains commas. A string from a flag or an environment variable is a list
    // with commas.
    read: (raw, isText) => (typeof raw === 'string' && !isText ? [raw] : LISTED(raw, isText)),
  },
  path: { expected: 'a path', read: (raw) => (raw === '' ? undefined : TEXT.read(raw, true)) },
  pem: {
    isHidden: true,
    expected: 'PEM text, or the path of a file with it',
    read: (raw) => (raw === '' ? undefined : TEXT.read(raw, true)),
  },
  pems: { isHidden: true, expected: 'a list of PEM texts, or of paths of files with them', read: LISTED },
  number: {
    expected: 'a whole number, 0 or more',
    read: (raw, isText) => {
      const number = isText && /^\d+$/.test(String(raw)) ? Number(raw) : raw
      return Number.isSafeInteger(number) && (number as number) >= 0 ? number : undefined
    },
  },
  numbers: {
    expected: 'a list of numbers',
    read: (raw, isText) => {
      const list = isText ? String(raw).split(',').map(Number) : raw
      const holds =
        Array.isArray(list) && list.every((part) => typeof part === 'number' && !Number.isNaN(part))
      return holds ? list : undefined
    },
  },
  flag: {
    expected: 'true or false',
    read: (raw, isText) => {
      if (typeof raw === 'boolean') return raw
      return isText ? FLAGS.get(String(raw).toLowerCase()) : undefined
    },
  },
  duration: DURATION,
  limit: {
    expected: `${DURATION.expected}; 0 means no limit`,
    read: (raw) => {
      const ms = DURATION.read(raw, true)
      return ms === 0 ? Number.POSITIVE_INFINITY : ms
    },
  },
  list: LIST,
  table: {
    isHidden: true,
    expected: 'a table',
    read: (raw, isText) => (isText ? FLAGS.get(String(raw).toLowerCase()) : undefined),
  },
}

/** Returns the default of a configuration key, as if it stood in a file. @throws Error if the key is declared without a default */
export function defaultOf<T>(path: string): T {
  const key = STATIC_KEYS.get(path)
  if (key?.default === undefined) throw new Error(`the key ${path} has no default`)
  return VALUE_KINDS[key.kind].read(key.default, false) as T
}

/** Describes a wrong value for an error message. If the value may be a secret, the description names only its JavaScript type. */
export function describeFound(raw: unknown, kind: ValueKind): string {
  return VALUE_KINDS[kind].isHidden && typeof raw !== 'object' ? `a ${typeof raw}` : describeValue(raw)
}

/**
 * Resolves a value that names a file. A relative path becomes absolute, and the path of a PEM file becomes the content of that
 * file. Other values stay as they are.
 *
 * @param folder the folder from which relative paths start
 * @throws Error that says why a PEM file cannot be read
 */
export async function resolveFiles(value: unknown, kind: ValueKind, folder: string): Promise<unknown> {
  if (kind === 'path') return resolve(folder, value as string)
  if (kind === 'pem') return readPem(value as string, folder)
  if (kind === 'pems') return Promise.all((value as string[]).map((one) => readPem(one, folder)))
  return value
}

async function readPem(text: string, folder: string): Promise<string> {
  if (text.includes('-----BEGIN ')) return text
  try {
    return await readFile(resolve(folder, text), 'utf8')
  } catch (thrown) {
    // Removes the path from the end of Node's message, because the value may be a private key without a BEGIN line, and not a
    // path. The path is shown only if it contains a dot, which no key in base64 does.
    const [why = ''] = asError(thrown).message.split(',')
    const isPath = /^[^\n\r]{0,255}$/.test(text) && text.includes('.')
    throw new Error(
      `${why}${isPath ? ` (${resolve(folder, text)})` : ', and it is not a PEM text with a BEGIN line'}`,
    )
  }
}
