import { STATIC_KEYS } from '../static-config/static-keys.js'

/** Names that stand at the top of documents too. */
const OF_DOCUMENTS = ['frontends', 'backends', 'tls']

const TOP_NAMES = new Set(
  [...STATIC_KEYS.keys()]
    .map((path) => path.split('.')[0]?.toLowerCase())
    .filter((name) => name !== undefined && !OF_DOCUMENTS.includes(name)),
)

/** Whether a parsed file is a `traefik.toml`, and no document: by its keys. */
export function isStaticConfig(parsed: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return false
  return Object.keys(parsed).some((name) => TOP_NAMES.has(name.toLowerCase()))
}
