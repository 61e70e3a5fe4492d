import { STATIC_TOP_NAMES } from '../validation/static-keys/static-keys.js'

/** The top-level names of a static configuration in lower case, without `tls`, which a configuration document may have too. */
const TOP_NAMES = new Set(STATIC_TOP_NAMES.filter((name) => name !== 'tls').map((name) => name.toLowerCase()))

/** Tells whether a parsed file is a static configuration and not a configuration document, by the names at its top level. */
export function isStaticConfig(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return false
  return Object.keys(parsed).some((name) => TOP_NAMES.has(name.toLowerCase()))
}
