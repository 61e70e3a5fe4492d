import { readFile, stat } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { describeKind } from '../base/messages.js'
import { asError } from '../model/errors.js'
import { documentOfFile } from '../providers/file/merge-files.js'
import {
  DOCUMENT_ENDINGS,
  type DocumentFormat,
  formatOf,
  parseDocument,
} from '../providers/parse-document.js'
import { documentsOfDump } from '../providers/traefik-dump.js'
import { withoutOff } from '../validation/without-off.js'
import { isExport } from './convert-keys.js'
import { isStaticConfig } from './is-static-config.js'
import { flawIn } from './read-documents.js'
import type { Terminal } from './terminal.js'

/**
 * Runs the command `convert`: prints a configuration document as JSON, with its field names in this proxy's spelling.
 *
 * @param file a path; `-` means the standard input
 * @param format the file's format. If undefined, the ending of the file's name decides.
 * @returns the exit code: 0 if the document is printed, 1 if the file contains no document, 2 if it cannot be read
 */
export async function convertDocument(
  file: string,
  format: DocumentFormat | undefined,
  terminal: Terminal,
): Promise<number> {
  const form = format ?? formatOf(file)
  if (!form) {
    const expected = `expected --format, or a file whose name ends with ${DOCUMENT_ENDINGS.join(', ')}`
    const isFolder = await stat(file).then(
      (found) => found.isDirectory(),
      () => false,
    )
    terminal.fail(`${file}: ${isFolder ? 'expected a file, found a folder' : expected}`)
    return 2
  }
  const name = file === '-' ? '(standard input)' : file
  let bytes: Uint8Array
  try {
    bytes = file === '-' ? await buffer(terminal.stdin) : await readFile(file)
  } catch (thrown) {
    terminal.fail(`${name}: cannot be read: ${asError(thrown).message}`)
    return 2
  }
  try {
    const document = withoutOff(
      documentOfFile(documentIn(await parseDocument(bytes, form, name), name), name),
    )
    terminal.print(JSON.stringify(document, null, 2))
    return 0
  } catch (thrown) {
    const { place, message } = flawIn({ name, bytes }, form, asError(thrown))
    terminal.fail(`${place}: ${message}`)
    return 1
  }
}

/**
 * Returns the configuration document in a parsed file. From a static configuration, only frontends and backends are returned.
 *
 * @throws Error if the file contains no document
 */
function documentIn(parsed: unknown, name: string): unknown {
  if (isExport(parsed))
    throw new Error(`${name}:1:1: expected a document, found keys of a store; read them with --format keys`)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Error(`${name}:1:1: expected a document, found ${describeKind(parsed)}`)
  if (!isStaticConfig(parsed) || documentsOfDump(parsed)) return parsed
  const own = Object.entries(parsed).filter(([field]) => /^(frontends|backends)$/i.test(field))
  if (own.length === 0)
    throw new Error(
      `${name}:1:1: expected a document, found a static configuration without frontends and backends`,
    )
  return Object.fromEntries(own)
}
