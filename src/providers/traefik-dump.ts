import { isRecord } from '../base/records.js'

/** The fields that Traefik 1.7 prints for each of its providers. */
const SECTIONS: ReadonlySet<string> = new Set(['frontends', 'backends'])

/**
 * Returns the documents in an answer of Traefik 1.7 to `GET /api/providers`, by the names of its providers. It returns undefined
 * for any other document. Such an answer is how labels of Docker become a file.
 *
 * @example { docker: { frontends: {}, backends: {} }, file: { frontends: {}, backends: {} } }
 */
export function documentsOfDump(
  parsed: unknown,
): readonly (readonly [provider: string, document: unknown])[] | undefined {
  if (!isRecord(parsed)) return undefined
  const entries = Object.entries(parsed)
  const isDump = entries.every(([name, value]) => !isSection(name) && isOfProvider(value))
  // A provider without anything is printed as an empty object.
  const hasSection = entries.some(([, value]) => isRecord(value) && Object.keys(value).length > 0)
  return isDump && hasSection ? entries : undefined
}

function isOfProvider(value: unknown): boolean {
  return (
    isRecord(value) && Object.entries(value).every(([name, section]) => isSection(name) && isRecord(section))
  )
}

function isSection(name: string): boolean {
  return SECTIONS.has(name.toLowerCase())
}
