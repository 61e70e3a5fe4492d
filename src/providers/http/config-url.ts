import { maskUrl } from '../../base/credentials.js'
import { flawOfAuthority } from '../../base/written-url.js'
import { ProxyError } from '../../model/errors.js'

/**
 * The URL of a configuration document, as text or as a function of the prefix. In a text, `{prefix}` is replaced by the
 * URL-encoded prefix. A text without `{prefix}` gets the query parameter `prefix`. A function returns the whole URL.
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
 * Checks a URL that a function of the application returned, and returns the URL unchanged. URLs in options are checked earlier.
 *
 * @throws ProxyError `PROXY_CONFIG_UNREACHABLE` if a URL parser would read another host from the URL than the one that is written
 */
function readAsWritten(url: string): string {
  const flaw = flawOfAuthority(url)
  if (!flaw) return url
  const message = `the url ${JSON.stringify(maskUrl(url))} ${flaw}`
  throw new ProxyError('PROXY_CONFIG_UNREACHABLE', message)
}
