import type { JsonLimits } from './json-limits.js'

/**
 * Parses a TOML document.
 *
 * @throws Error with `line` and `column` where they are known
 */
export function parseToml(text: string, limits: JsonLimits): Promise<unknown>
