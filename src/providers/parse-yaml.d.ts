import type { JsonLimits } from './json-limits.js'

/**
 * Parses a YAML document.
 *
 * @param onPart receives entries of a table as soon as they are read, with the position of
 * the table's name among the document's names; the returned document lacks these entries
 * @returns the document, and its names in their order
 * @throws Error with `line` and `column` where they are known
 */
export function parseYaml(
  text: string,
  limits: JsonLimits,
  onPart?: (place: number, entries: Readonly<Record<string, unknown>>) => void,
): Promise<{ readonly document: unknown; readonly names: readonly string[] }>
