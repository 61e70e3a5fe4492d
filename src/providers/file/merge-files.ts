import { setImmediate as nextTurn } from 'node:timers/promises'
import { describeKind, pathOf } from '../../base/messages.js'
import { isRecord, nullRecord } from '../../base/records.js'
import { configInvalid, type Issue, ProxyError } from '../../model/errors.js'
import { isSameData } from '../../model/same-data.js'
import { withFieldCase } from '../../validation/with-field-case.js'
import { parseDocument } from '../parse-document.js'
import { documentsOfDump } from '../traefik-dump.js'
import { formatOfFile, type ReadFile } from './document-files.js'

type Fields = Readonly<Record<string, unknown>>

/**
 * Parses configuration files and merges their frontends and backends into one document.
 *
 * @param signal ends the worker thread that parses a large text
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a file that does not contain a document
 * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each name that occurs in two files
 */
export async function documentOf(files: readonly ReadFile[], signal?: AbortSignal): Promise<unknown> {
  const documents: (readonly [name: string, document: Fields])[] = []
  for (const { name, bytes } of files) {
    documents.push(...documentsIn(await parseDocument(bytes, formatOfFile(name), name, signal), name))
    // Pauses after each file, so that the main thread can serve requests. Small files are parsed in the main thread, and a
    // hundred of them would block it for seconds.
    if (files.length > 1) await nextTurn()
  }
  const [only] = documents
  return documents.length === 1 && only ? only[1] : merged(documents)
}

/**
 * Returns the document of one file. An answer of Traefik to `GET /api/providers` is one document for each of Traefik's providers.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the file does not contain a document
 */
function documentsIn(parsed: unknown, file: string): (readonly [name: string, document: Fields])[] {
  const dump = documentsOfDump(parsed)
  if (!dump) return [[file, asDocument(withFieldCase(parsed), file)]]
  return dump.map(([provider, one]) => [`${file} (${provider})`, asDocument(withFieldCase(one), file)])
}

/**
 * Returns one document of what a file holds.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the file does not contain a document
 * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each name that two of Traefik's providers have
 */
export function documentOfFile(parsed: unknown, file: string): unknown {
  const documents = documentsIn(parsed, file)
  const [only] = documents
  return documents.length === 1 && only ? only[1] : merged(documents)
}

const KINDS = ['frontends', 'backends'] as const

/**
 * Checks that a document, its `frontends` and its `backends` are tables. A string instead of a table would be merged letter by
 * letter.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if one of them is not a table
 */
function asDocument(parsed: unknown, file: string): Fields {
  if (!isRecord(parsed)) throw unusable(`${file}: expected a document, found ${describeKind(parsed)}`)
  for (const kind of KINDS) {
    const found = parsed[kind]
    if (found !== undefined && !isRecord(found))
      throw unusable(`${file}: ${kind}: expected a table of ${kind}, found ${describeKind(found)}`)
  }
  return parsed
}

function merged(documents: readonly (readonly [name: string, document: Fields])[]): unknown {
  const all = { frontends: nullRecord<unknown>(), backends: nullRecord<unknown>() }
  const rest = nullRecord<unknown>()
  const origins = new Map<string, string>()
  const issues: Issue[] = []
  /**
   * Adds an entry of a file to the merged document. If another file has an entry of the same name, adds an issue instead. Fields
   * other than frontends and backends may be repeated if they are equal.
   */
  const take = (into: Record<string, unknown>, name: string, entry: unknown, path: string, file: string) => {
    const first = origins.get(path)
    if (first === undefined) {
      into[name] = entry
      origins.set(path, file)
    } else if (into !== rest || !isSameData(into[name], entry)) {
      issues.push({
        path,
        code: 'DUPLICATE_NAME',
        message: `occurs in ${first} and in ${file}; expected one`,
      })
    }
  }
  for (const [file, document] of documents) {
    // Each file may name its own JSON Schema.
    const { frontends = {}, backends = {}, $schema: _schema, ...others } = document
    for (const [name, entry] of Object.entries(frontends as Fields))
      take(all.frontends, name, entry, pathOf('frontends', name), file)
    for (const [name, entry] of Object.entries(backends as Fields))
      take(all.backends, name, entry, pathOf('backends', name), file)
    for (const [name, entry] of Object.entries(others)) take(rest, name, entry, pathOf('', name), file)
  }
  if (issues.length > 0) throw configInvalid(issues)
  return { ...rest, ...all }
}

function unusable(message: string): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', message)
}
