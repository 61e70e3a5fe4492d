import { ProxyError } from '../model/errors.js'

/** The longest alias value that is accepted, in bytes without the white space around it. */
const MAX_BYTES = 1024

/**
 * Returns the prefix that an alias value names. White space around the value is removed, because `etcdctl put` adds a line break.
 * One trailing slash is removed, as in Traefik.
 *
 * @param allowedPrefix if given, the value must be this prefix or a path below it
 * @throws ProxyError `PROXY_ALIAS_INVALID` if the value is not such a prefix; the message says what was expected
 */
export function parseAliasValue(value: string, allowedPrefix?: string): string {
  // Removes a single trailing slash. A value that ends in `//` stays as it is, and `flawOf` refuses it.
  const prefix = value.trim().replace(/(?<=[^/])\/$/, '')
  const flaw = flawOf(prefix, allowedPrefix)
  if (flaw === undefined) return prefix
  const shown = JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}...` : value)
  throw new ProxyError('PROXY_ALIAS_INVALID', `the alias value ${shown} ${flaw}`)
}

function flawOf(prefix: string, allowedPrefix: string | undefined): string | undefined {
  if (prefix === '') return 'is empty; expected the prefix of a configuration, like /traefik/dev/v2'
  if (Buffer.byteLength(prefix) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`
  if (/\p{Cc}|\uFFFD/u.test(prefix)) return 'contains a control character or is not UTF-8'
  if (!prefix.startsWith('/')) return 'is not an absolute path; expected one like /traefik/dev/v2'
  if (prefix.includes('..') || prefix.includes('//')) return 'contains ".." or "//"'
  if (/\/\.(\/|$)/.test(prefix)) return 'has "." as one of its parts'
  if (allowedPrefix !== undefined && !isBelow(prefix, allowedPrefix)) return `is not below ${allowedPrefix}`
  return undefined
}

function isBelow(prefix: string, allowed: string): boolean {
  const root = allowed.replace(/\/$/, '')
  return prefix === root || prefix.startsWith(`${root}/`)
}
