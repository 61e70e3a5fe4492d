import { STATIC_KEYS } from '../static-config/static-keys.js'

/** Top-level names that both a configuration document and a static configuration may have. */
const OF_DOCUMENTS = ['frontends', 'backends', 'tls']

const TOP_NAMES = new Set(
  [...STATIC_KEYS.keys()]
    .map((path) => path.split('.')[0]?.toLowerCase())
    .filter((name) => name !== undefined && !OF_DOCUMENTS.includes(name)),
)

/** Tells whether a parsed file is a static configuration and not a configuration document, by the names at its top level. */
export function isStaticConfig(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return false
  return Object.keys(parsed).some((name) => TOP_NAMES.has(name.toLowerCase()))
}
