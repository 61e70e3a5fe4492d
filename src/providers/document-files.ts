import { open, readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { describeIssues, type Issue, ProxyError } from '../model/errors.js'
import { pathOf } from '../rules/document-shapes.js'
import { withFieldCase } from '../rules/field-case.js'
import { nullRecord } from '../rules/records.js'
import { DOCUMENT_ENDINGS, formatOf, parseDocument } from './parse-document.js'

/** A file with what was in it. */
export interface ReadFile {
  /** As messages name it. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** What is there, at one moment. */
export interface FoundFiles {
  readonly paths: readonly string[]
  /** Changes when anything of it does. */
  readonly mark: string
  /** For how long nothing of it was written, in milliseconds. */
  readonly quietMs: number
}

/** Where documents lie. */
export type DocumentPlace = { readonly filename: string } | { readonly directory: string }

/** Looks at a file, or at all documents of a folder and of those in it. @throws what node says of one that is not there */
export async function findFiles(at: DocumentPlace): Promise<FoundFiles> {
  const paths = 'filename' in at ? [at.filename] : await documentsIn(at.directory)
  const found = await Promise.all(paths.map((path) => stat(path)))
  const mark = found
    .map(({ ino, size, mtimeMs }, place) => `${paths[place]} ${ino} ${size} ${mtimeMs}`)
    .join('\n')
  return { paths, mark, quietMs: Date.now() - Math.max(0, ...found.map(({ mtimeMs }) => mtimeMs)) }
}

/**
 * Reads what was found.
 *
 * @throws what node says of a file that cannot be read; ProxyError `PROXY_CONFIG_UNUSABLE` for one that is too large
 */
export async function readFiles(
  { paths }: FoundFiles,
  at: DocumentPlace,
  maxBytes: number,
): Promise<ReadFile[]> {
  const files: ReadFile[] = []
  for (const path of paths) {
    const handle = await open(path, 'r')
    try {
      if ((await handle.stat()).size > maxBytes) throw tooLarge(path, maxBytes)
      const name = 'filename' in at ? path : relative(at.directory, path)
      files.push({ name, bytes: await handle.readFile() })
    } finally {
      await handle.close()
    }
  }
  return files
}

async function documentsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true })
  // Editors and Kubernetes keep what is not meant behind a dot.
  const isMeant = (name: string) => formatOf(name) !== undefined && !/(^|\/)\./.test(name)
  return names
    .filter(isMeant)
    .sort()
    .map((name) => join(directory, name))
}

/**
 * One document of all files: what each has of frontends and backends, by name.
 *
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` for a file that is no document; `PROXY_CONFIG_INVALID` with an issue for each
 * name that stands in two files
 */
export async function documentOf(files: readonly ReadFile[]): Promise<unknown> {
  const documents: (readonly [name: string, document: unknown])[] = []
  for (const { name, bytes } of files) {
    const format = formatOf(name)
    if (format === undefined) throw noFormat(name)
    documents.push([name, withFieldCase(await parseDocument(bytes, format, name))])
  }
  const [only] = documents
  return documents.length === 1 && only ? only[1] : merged(documents)
}

const KINDS = ['frontends', 'backends'] as const

function merged(documents: readonly (readonly [name: string, document: unknown])[]): unknown {
  const all = { frontends: nullRecord<unknown>(), backends: nullRecord<unknown>() }
  const rest = nullRecord<unknown>()
  const origins = new Map<string, string>()
  const issues: Issue[] = []
  for (const [file, document] of documents) {
    const { frontends = {}, backends = {}, ...others } = document as Record<string, Record<string, unknown>>
    Object.assign(rest, others)
    for (const kind of KINDS) {
      for (const [name, entry] of Object.entries(kind === 'frontends' ? frontends : backends)) {
        const path = pathOf(kind, name)
        const first = origins.get(path)
        if (first === undefined) all[kind][name] = entry
        else
          issues.push({
            path,
            code: 'DUPLICATE_NAME',
            message: `stands in ${first} and in ${file}; expected one`,
          })
        origins.set(path, first ?? file)
      }
    }
  }
  if (issues.length > 0) throw new ProxyError('PROXY_CONFIG_INVALID', describeIssues(issues), { issues })
  return { ...rest, ...all }
}

function tooLarge(path: string, maxBytes: number): ProxyError {
  return new ProxyError('PROXY_CONFIG_UNUSABLE', `${path} has more than ${maxBytes} bytes (maxBytes)`)
}

function noFormat(path: string): ProxyError {
  const message = `${path}: expected a file whose name ends with ${DOCUMENT_ENDINGS.join(', ')}`
  return new ProxyError('PROXY_CONFIG_UNUSABLE', message)
}
