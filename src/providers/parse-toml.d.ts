import type { JsonLimits } from './json-limits.js'

/**
 * Parses a TOML document.
 *
 * @throws Error if the text is not TOML or exceeds a limit; the error has `line` and `column` where they are known
 */
export function parseToml(text: string, limits: JsonLimits): Promise<unknown>
