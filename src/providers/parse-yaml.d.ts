import type { JsonLimits } from './json-limits.js'

/**
 * Parses a YAML document.
 *
 * @param onPart called with finished entries of a top-level table while the rest is still being parsed; `place` is the index of
 * the table's name among the top-level names. The returned document lacks these entries.
 * @returns the document, and its top-level names in their order
 * @throws Error if the text is not YAML or exceeds a limit; the error has `line` and `column` where they are known
 */
export function parseYaml(
  text: string,
  limits: JsonLimits,
  onPart?: (place: number, entries: Readonly<Record<string, unknown>>) => void,
): Promise<{ readonly document: unknown; readonly names: readonly string[] }>
