import { ProxyError } from '../model/errors.js'

const MAX_BYTES = 1024

/**
 * The prefix that an alias value names: the value trimmed (`etcdctl put` leaves a line break) and without a trailing
 * slash, as in Traefik.
 *
 * @param allowedPrefix the value must be this or stand below it
 * @throws ProxyError `PROXY_ALIAS_INVALID` that says what was expected
 */
export function parseAliasValue(value: string, allowedPrefix?: string): string {
  // One slash only: a second one is a `//`, and refused.
  const prefix = value.trim().replace(/(?<=[^/])\/$/, '')
  const flaw = flawOf(prefix, allowedPrefix)
  if (flaw === undefined) return prefix
  const shown = JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}...` : value)
  throw new ProxyError('PROXY_ALIAS_INVALID', `the alias value ${shown} ${flaw}`)
}

function flawOf(prefix: string, allowedPrefix: string | undefined): string | undefined {
  if (prefix === '') return 'is empty; expected the prefix of a configuration, like /traefik/dev/v2'
  if (Buffer.byteLength(prefix) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`
  if (/\p{Cc}|\uFFFD/u.test(prefix)) return 'holds a control character or is no UTF-8'
  if (!prefix.startsWith('/')) return 'is no absolute path; expected one like /traefik/dev/v2'
  if (prefix.includes('..') || prefix.includes('//')) return 'holds ".." or "//"'
  if (/\/\.(\/|$)/.test(prefix)) return 'holds "." as one of its parts'
  if (allowedPrefix !== undefined && !isBelow(prefix, allowedPrefix)) return `is not below ${allowedPrefix}`
  return undefined
}

function isBelow(prefix: string, allowed: string): boolean {
  const root = allowed.replace(/\/$/, '')
  return prefix === root || prefix.startsWith(`${root}/`)
}
