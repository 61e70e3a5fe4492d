import { parseAddress, whyNoAddress } from './cidr.js'
import { parseUrl } from './parse-url.js'

/**
 * What is wrong with the host or port of a URL that begins with `http://` or `https://`: a parser of URLs (WHATWG, "host
 * parsing") takes `010.0.0.7` for 8.0.0.7, `10.1` for 10.0.0.1, `１０.0.0.1` for 10.0.0.1 and `:080` for 80, so what is written is
 * not where a connection goes. Undefined: it is read as written, in whatever case, or is no URL at all.
 */
export function flawOfAuthority(text: string): string | undefined {
  // Without userinfo, which may be a password.
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
  const expected = 'expected a port from 1 to 65535 without zeros before it'
  const read = /^0+[1-9]\d*$/.test(port) && Number(port) <= 65_535 ? `, which is read as ${Number(port)}` : ''
  if (port === '') {
    const standard = /^https/i.test(text) ? 443 : 80
    return `has a colon without a port behind it, which is read as ${standard}; leave the colon out`
  }
  return `has the port ${shown(port)}${read}; ${expected}`
}

function flawOfHost(host: string): string | undefined {
  // What is no host at all is for the parser to say.
  const read = parseUrl(`http://${host}/`)?.hostname
  if (read === undefined) return undefined
  if (isSame(host.toLowerCase(), read)) {
    return /^\.|\.\./.test(host)
      ? `has the host ${shown(host)}, of which a part between dots is empty`
      : undefined
  }
  const decimal = withoutZeros(host)
  const remedy =
    decimal === undefined || decimal === read
      ? 'write that, if it is meant'
      : `a number with a zero before it is octal to parsers of URLs; write ${shown(decimal)} or ${shown(read)}`
  return `has the host ${shown(host)}, which is read as ${shown(read)}; ${remedy}`
}

/** The address that an operator meant who filled its numbers with zeros. */
function withoutZeros(host: string): string | undefined {
  if (!/^\d+(\.\d+){3}$/.test(host)) return undefined
  const decimal = host.split('.').map(Number).join('.')
  return decimal !== host && parseAddress(decimal) !== undefined ? decimal : undefined
}

/** Why a text is no URL, to follow these words; empty where that cannot be told, or where a password may stand in it. */
export function whyNoUrl(text: string): string {
  if (text === '' || text.includes('@')) return ''
  const [, authority] = /^https?:\/\/([^/?#]*)/i.exec(text) ?? []
  if (authority?.startsWith('[')) return ''
  if (authority === undefined) return /^[a-z][\w+.-]*:/i.test(text) ? '' : ': a scheme is missing before it'
  const [, host = '', port = ''] = /^([^:]*)(?::(.*))?$/s.exec(authority) ?? []
  if (port !== '' && !(/^\d+$/.test(port) && Number(port) <= 65_535))
    return `: the port ${shown(port)} is none; expected one from 1 to 65535`
  return /^[\d.]+$/.test(host) ? `: ${shown(host)} is no address: ${whyNoAddress(host)}` : ''
}

/** IPv6 may be written in many forms, and has one meaning in all of them. */
function isSame(written: string, read: string): boolean {
  if (written === read) return true
  if (!written.startsWith('[')) return false
  const address = parseAddress(written.slice(1, -1))
  return address !== undefined && address === parseAddress(read.slice(1, -1))
}

/**
 * What is wrong with the path of a URL: a parser resolves `/a/../b` (also as `%2e%2e`) to `/b`, and encodes what is not in
 * ASCII. Undefined: it is read as written, or is no URL at all.
 */
export function flawOfPath(text: string): string | undefined {
  const [, written] = /^https?:\/\/[^/?#]*([^?#]*)/i.exec(text) ?? []
  const pathname = written ? parseUrl(text)?.pathname : undefined
  if (!written || pathname === undefined || pathname === written) return undefined
  // Before an `@` may stand a password that got into the path.
  if (written.includes('@')) return 'has a path that is not read as it is written'
  return `has the path ${shown(written)}, which is read as ${shown(pathname)}; write that, if it is meant`
}

/** What is not ASCII as its code: a soft hyphen cannot be seen, and many letters look like others. */
function shown(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
