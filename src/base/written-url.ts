import { parseAddress, whyNoAddress } from './cidr.js'
import { parseUrl } from './parse-url.js'

/**
 * Returns what is wrong with the host name or port of an `http` or `https` URL. It finds values that a URL parser reads
 * differently from how they are written (WHATWG URL, "host parsing"). Such a parser reads `010.0.0.7` as 8.0.0.7, `10.1` as
 * 10.0.0.1, `１０.0.0.1` as 10.0.0.1, and `:080` as 80. The proxy would then connect to another address than the operator meant. It
 * returns undefined if the parser reads the URL as written, or if the text is not a URL. Upper and lower case do not matter.
 */
export function flawOfAuthority(text: string): string | undefined {
  // The text before the `@` (user and password) is left out, so that no message can show a password.
  const [, authority] = /^https?:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(text) ?? []
  if (authority === undefined) return undefined
  const [, host = '', colon, port = ''] = /^(\[[^\]]*\]|[^:]*)(?:(:)(.*))?$/s.exec(authority) ?? []
  if (colon !== undefined) {
    const flaw = flawOfPort(port, text)
    if (flaw) return flaw
  }
  return flawOfHost(host)
}

function flawOfPort(port: string, text: string): string | undefined {
  if (/^[1-9]\d*$/.test(port) && Number(port) <= 65_535) return undefined
  const expected = 'expected a port from 1 to 65535 without leading zeros'
  const read = /^0+[1-9]\d*$/.test(port) && Number(port) <= 65_535 ? `, which is read as ${Number(port)}` : ''
  if (port === '') {
    const standard = /^https/i.test(text) ? 443 : 80
    return `has a colon without a port after it, which is read as ${standard}; leave the colon out`
  }
  return `has the port ${shown(port)}${read}; ${expected}`
}

function flawOfHost(host: string): string | undefined {
  // If the URL parser refuses the host name, nothing is reported here: the parser's own error says what is wrong.
  const read = parseUrl(`http://${host}/`)?.hostname
  if (read === undefined) return undefined
  if (isSame(host.toLowerCase(), read)) {
    return /^\.|\.\./.test(host) ? `has the host ${shown(host)}, in which a label is empty` : undefined
  }
  const decimal = withoutZeros(host)
  const remedy =
    decimal === undefined || decimal === read
      ? `write ${shown(read)} if you mean that`
      : `URL parsers read a number with a leading zero as octal; write ${shown(decimal)} or ${shown(read)}`
  return `has the host ${shown(host)}, which is read as ${shown(read)}; ${remedy}`
}

/**
 * Returns an IPv4 address without its leading zeros, because an operator who pads numbers with zeros means that address. Returns
 * undefined for every other text.
 */
function withoutZeros(host: string): string | undefined {
  if (!/^\d+(\.\d+){3}$/.test(host)) return undefined
  const decimal = host.split('.').map(Number).join('.')
  return decimal !== host && parseAddress(decimal) !== undefined ? decimal : undefined
}

/**
 * Returns the reason why a text is not a URL, to be appended to a message that says "is not a URL". It is empty if the reason is
 * not known, or if the text may contain a password.
 */
export function whyNoUrl(text: string): string {
  if (text === '' || text.includes('@')) return ''
  const [, authority] = /^https?:\/\/([^/?#]*)/i.exec(text) ?? []
  if (authority?.startsWith('[')) return ''
  if (authority === undefined) return /^[a-z][\w+.-]*:/i.test(text) ? '' : ': its scheme is missing'
  const [, host = '', port = ''] = /^([^:]*)(?::(.*))?$/s.exec(authority) ?? []
  if (port !== '' && !(/^\d+$/.test(port) && Number(port) <= 65_535))
    return `: ${shown(port)} is not a port; expected a port from 1 to 65535`
  return /^[\d.]+$/.test(host) ? `: ${shown(host)} is not an address: ${whyNoAddress(host)}` : ''
}

/**
 * Returns whether a host name as written and as the URL parser reads it are the same. An IPv6 address can be written in several
 * ways, so its numbers are compared.
 */
function isSame(written: string, read: string): boolean {
  if (written === read) return true
  if (!written.startsWith('[')) return false
  const address = parseAddress(written.slice(1, -1))
  return address !== undefined && address === parseAddress(read.slice(1, -1))
}

/**
 * Returns what is wrong with the path of a URL. A URL parser resolves `/a/../b` (also `%2e%2e`) to `/b`, and encodes characters
 * outside ASCII. It returns undefined if the parser reads the path as written, or if the text is not a URL.
 */
export function flawOfPath(text: string): string | undefined {
  const [, written] = /^https?:\/\/[^/?#]*([^?#]*)/i.exec(text) ?? []
  const pathname = written ? parseUrl(text)?.pathname : undefined
  if (!written || pathname === undefined || pathname === written) return undefined
  // If the path contains an `@`, the message does not show the path. The path may contain a password that was written there by
  // mistake.
  if (written.includes('@')) return 'has a path that is not read as written'
  return `has the path ${shown(written)}, which is read as ${shown(pathname)}; write ${shown(pathname)} if you mean that`
}

/**
 * Quotes a text for a message and writes each character outside ASCII as an escape, such as `\u00ad` for a soft hyphen. The reader
 * can then see it, and sees letters of other scripts that look like ASCII letters.
 */
function shown(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
