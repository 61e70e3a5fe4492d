import { STATIC_ONLY_NAMES } from '../validation/static-keys/static-keys.js'

/** The top-level names that only a static configuration may have, in lower case. */
const ONLY_NAMES = new Set(STATIC_ONLY_NAMES.map((name) => name.toLowerCase()))

/** Tells whether a parsed file is a static configuration and not a configuration document, by the names at its top level. */
export function isStaticConfig(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return false
  return Object.keys(parsed).some((name) => ONLY_NAMES.has(name.toLowerCase()))
}
