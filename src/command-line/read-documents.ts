import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { maskCredentials } from '../base/credentials.js'
import { asError, ProxyError } from '../model/errors.js'
import {
  type DocumentPlace,
  findFiles,
  formatOfFile,
  type ReadFile,
  readFiles,
} from '../providers/file/document-files.js'
import { documentOf } from '../providers/file/merge-files.js'
import { jsonFlaw } from '../providers/json-flaw.js'
import { DEFAULT_MAX_BYTES } from '../providers/json-limits.js'
import { type DocumentFormat, parseDocument } from '../providers/parse-document.js'
import { documentsOfDump } from '../providers/traefik-dump.js'
import { findPlace, placesIn } from './document-places.js'
import { isStaticConfig } from './is-static-config.js'

/** A problem in a configuration file, with its position. */
export interface Finding {
  /** The position of the problem, as `file:line:column`. */
  readonly place: string
  readonly path: string
  readonly code: string
  readonly message: string
}

/** Returns a problem as text for the terminal: its path in the document, its message and its code, without the position. */
export function textOf({ path, message, code }: Omit<Finding, 'place'>): string {
  return `${path === '' ? '' : `${path}: `}${message} [${code}]`
}

/** The files that one path on the command line stands for: a single file, or all files of a folder. */
export interface NamedFiles {
  /** The files with frontends and backends. Together they make one configuration document. */
  readonly documents: readonly ReadFile[]
  readonly staticConfigs: readonly ReadFile[]
  /** One error for each file that cannot be parsed. */
  readonly unusable: readonly Finding[]
}

/** Reads one configuration file, or all configuration files of a folder. @throws Error of Node if the path does not exist */
export async function readNamed(path: string): Promise<NamedFiles> {
  const isFolder = (await stat(path)).isDirectory()
  const at: DocumentPlace = isFolder ? { directory: path } : { filename: path }
  if (!isFolder) formatOfFile(path)
  const read = await readFiles(await findFiles(at), at, DEFAULT_MAX_BYTES)
  const files = isFolder ? read.map(({ name, bytes }) => ({ name: join(path, name), bytes })) : read
  const documents: ReadFile[] = []
  const staticConfigs: ReadFile[] = []
  const unusable: Finding[] = []
  for (const file of files) {
    try {
      const parsed = await parseDocument(file.bytes, formatOfFile(file.name), file.name)
      if (isStaticConfig(parsed) && !documentsOfDump(parsed)) staticConfigs.push(file)
      else documents.push(file)
    } catch (thrown) {
      unusable.push(flawIn(file, formatOfFile(file.name), asError(thrown)))
    }
  }
  return { documents, staticConfigs, unusable }
}

/**
 * Turns the error of a parser into a problem with a position. The error's message begins with the name of the file, and in most
 * cases line and column follow.
 */
export function flawIn({ name, bytes }: ReadFile, format: DocumentFormat, { message }: Error): Finding {
  const rest = message.startsWith(name) ? message.slice(name.length) : `: ${message}`
  const [, line, column, text = rest] = /^:(\d+):(\d+)(:.*)$/s.exec(rest) ?? []
  const flaw = line === undefined && format === 'json' ? jsonFlaw(new TextDecoder().decode(bytes)) : undefined
  const place = `${name}:${flaw?.line ?? line ?? 1}:${flaw?.column ?? column ?? 1}`
  return { place, path: '', code: 'PROXY_CONFIG_UNUSABLE', message: text.replace(/^:? */, '') }
}

/** Merges several files into one configuration document. If that is impossible, returns the errors that prevent it. */
export async function mergeNamed(
  files: readonly ReadFile[],
): Promise<{ readonly document: unknown } | { readonly issues: readonly Finding[] }> {
  try {
    return { document: await documentOf(files) }
  } catch (thrown) {
    const error = asError(thrown)
    if (error instanceof ProxyError && error.issues.length > 0)
      return { issues: await locate(error.issues, files) }
    const file = files.find(({ name }) => error.message.startsWith(`${name}:`)) ?? files[0]
    return { issues: file ? [flawIn(file, 'toml', error)] : [] }
  }
}

/** Adds file, line and column to each problem. The file is the one that contains the longest part of the problem's path. */
export async function locate(
  issues: readonly Omit<Finding, 'place'>[],
  files: readonly ReadFile[],
): Promise<Finding[]> {
  if (issues.length === 0) return []
  const all = await Promise.all(
    files.map(async ({ name, bytes }) => ({
      name,
      places: await placesIn(new TextDecoder().decode(bytes), formatOfFile(name)),
    })),
  )
  return issues.map(({ path, code, message }) => {
    const [best] = all
      .map(({ name, places }) => ({ name, ...findPlace(path, places) }))
      .toSorted((a, b) => b.found - a.found)
    const place = best ? `${best.name}:${best.line}:${best.column}` : ''
    return { place, path, code, message: maskCredentials(message) }
  })
}
