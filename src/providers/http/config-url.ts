import { maskUrl } from '../../base/credentials.js'
import { flawOfAuthority } from '../../base/written-url.js'
import { ProxyError } from '../../model/errors.js'

/**
 * The URL of a document. In a string, `{prefix}` is replaced by the encoded prefix. A string
 * without it gets the query parameter `prefix`. A function returns the whole URL for a prefix.
 *
 * @example 'https://config.test/traefik-config'
 * @example 'https://config.test/configs/{prefix}'
 * @example (prefix) => `https://config.test${prefix}/config.json`
 */
export type ConfigUrl = string | ((prefix: string) => string)

/** Returns the URL that the document of a prefix is fetched from. */
export function urlFor(target: ConfigUrl, prefix: string): string {
  if (typeof target === 'function') return readAsWritten(target(prefix))
  const encoded = encodeURIComponent(prefix)
  if (target.includes('{prefix}')) return target.replaceAll('{prefix}', encoded)
  return `${target}${target.includes('?') ? '&' : '?'}prefix=${encoded}`
}

/**
 * Returns a URL that a host's function made, after checking it. The URLs in options were checked by the constructor.
 *
 * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` for a URL whose host would be read differently from how it is written
 */
function readAsWritten(url: string): string {
  const flaw = flawOfAuthority(url)
  if (!flaw) return url
  const message = `the url ${JSON.stringify(maskUrl(url))} ${flaw}`
  throw new ProxyError('PROXY_CONFIG_UNREACHABLE', message)
}
