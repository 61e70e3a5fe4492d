import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MAX_TIMER_MS } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { parseDuration } from '../base/parse-duration.js'
import { asError } from '../model/errors.js'
import type { ValueKind } from './static-keys.js'

/** What a value is made of a key's text, or of what a file's parser gives; undefined: it is none of that kind. */
interface ReadKind {
  /** In words, for people. */
  readonly expected: string
  /** @param isText of an environment variable or a flag, which know nothing but texts */
  read(raw: unknown, isText: boolean): unknown
}

const LISTED: ReadKind['read'] = (raw) => {
  const list = typeof raw === 'string' ? raw.split(',').map((part) => part.trim()) : raw
  if (!Array.isArray(list) || !list.every((part) => typeof part === 'string')) return undefined
  return list.filter((part) => part !== '')
}

const TEXT: ReadKind = { expected: 'a text', read: (raw) => (typeof raw === 'string' ? raw : undefined) }
const DURATION: ReadKind = {
  expected: 'a duration, as "10s"; a bare number is seconds, at most 596 hours',
  read: (raw) => {
    const ms = parseDuration(raw)
    return ms !== undefined && ms <= MAX_TIMER_MS ? ms : undefined
  },
}
const LIST: ReadKind = { expected: 'a list of texts', read: LISTED }

/** As Go's `strconv.ParseBool` takes them, of texts. */
const FLAGS: ReadonlyMap<unknown, boolean> = new Map([
  ...['true', '1', 't'].map((word) => [word, true] as const),
  ...['false', '0', 'f'].map((word) => [word, false] as const),
])

export const VALUE_KINDS: Readonly<Record<ValueKind, ReadKind>> = {
  text: TEXT,
  secret: TEXT,
  secrets: {
    expected: 'a text or a list of texts',
    // A text of a file is one secret, whatever commas it has.
    read: (raw, isText) => (typeof raw === 'string' && !isText ? [raw] : LISTED(raw, isText)),
  },
  path: { expected: 'a path', read: (raw) => (raw === '' ? undefined : TEXT.read(raw, true)) },
  pem: {
    expected: 'PEM text, or the path of a file with it',
    read: (raw) => (raw === '' ? undefined : TEXT.read(raw, true)),
  },
  pems: { expected: 'a list of PEM texts, or of paths of files with them', read: LISTED },
  number: {
    expected: 'a whole number of 0 or more',
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
    expected: `${DURATION.expected}; 0 is no limit`,
    read: (raw) => {
      const ms = DURATION.read(raw, true)
      return ms === 0 ? Number.POSITIVE_INFINITY : ms
    },
  },
  list: LIST,
  table: {
    expected: 'a table',
    read: (raw, isText) => (isText ? FLAGS.get(String(raw).toLowerCase()) : undefined),
  },
}

/** Kinds whose values are for nobody's eyes, or may hold such. */
const HIDDEN: readonly ValueKind[] = ['secret', 'secrets', 'pem', 'pems', 'table']

/** What was found in the place of a value; of a secret, only its type. */
export function describeFound(raw: unknown, kind: ValueKind): string {
  const isHidden = HIDDEN.includes(kind) && typeof raw !== 'object'
  return isHidden ? `a ${typeof raw}` : describeValue(raw)
}

/**
 * A value that names a file, as what it names: a path in full, PEM text as it stands in the file.
 *
 * @param folder that relative paths start from
 * @throws Error that says why a file cannot be read
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
    // What node says ends with the path, which may be a key that lacks its first line. There is no dot in such.
    const [why = ''] = asError(thrown).message.split(',')
    const isPath = /^[^\n\r]{0,255}$/.test(text) && text.includes('.')
    throw new Error(
      `${why}${isPath ? ` (${resolve(folder, text)})` : ', and it is no PEM text with a BEGIN line'}`,
    )
  }
}
