import type { JsonLimits } from './json-limits.js'

/**
 * @param onPart gets entries of a table in the document as they are read, with the table's place; they are left out of what is returned
 * @returns the document, and the names in it by their place
 * @throws Error with `line` and `column` where they are known
 */
export function parseYaml(
  text: string,
  limits: JsonLimits,
  onPart?: (place: number, entries: Readonly<Record<string, unknown>>) => void,
): Promise<{ readonly document: unknown; readonly names: readonly string[] }>

/** @throws Error with `line` and `column` where they are known */
export function parseToml(text: string, limits: JsonLimits): Promise<unknown>
