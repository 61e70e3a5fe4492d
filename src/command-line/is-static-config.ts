import { STATIC_KEYS } from '../static-config/static-keys.js'

/** Names that both documents and static configurations may have at the top. */
const OF_DOCUMENTS = ['frontends', 'backends', 'tls']

const TOP_NAMES = new Set(
  [...STATIC_KEYS.keys()]
    .map((path) => path.split('.')[0]?.toLowerCase())
    .filter((name) => name !== undefined && !OF_DOCUMENTS.includes(name)),
)

/** Tells whether a parsed file is a static configuration and not a document. The names at its top decide. */
export function isStaticConfig(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return false
  return Object.keys(parsed).some((name) => TOP_NAMES.has(name.toLowerCase()))
}
