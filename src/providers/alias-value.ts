import { ProxyError } from '../model/errors.js'

/** The longest alias value, in bytes after trimming. */
const MAX_BYTES = 1024

/**
 * Returns the prefix that an alias value names. It trims the value, because
 * `etcdctl put` adds a line break. It removes one trailing slash, as Traefik does.
 *
 * @param allowedPrefix the value must be this prefix or stand below it
 * @throws ProxyError `PROXY_ALIAS_INVALID` that says what was expected
 */
export function parseAliasValue(value: string, allowedPrefix?: string): string {
  // Only one slash is removed. With a second one the value ends in `//`, which is refused below.
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
