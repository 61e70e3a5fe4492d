import type { IncomingMessage, Server } from 'node:http'
import { quote } from '../../../base/messages.js'
import { ProxyError } from '../../../model/errors.js'
import { namedByConnection } from '../../headers/forward-headers.js'
import { checkNames } from '../../headers/proxy-fields.js'
import { Http1Connection } from './http1-connection.js'

/** An HTTP server with the fields in which Node keeps its parser options. `httpValidation` exists from Node 24.19 and 26.3 on. */
type ParserOptions = Server & { readonly insecureHTTPParser?: boolean; readonly httpValidation?: string }

/** Whether Node was started with `--insecure-http-parser`, so that a server without a parser option has a lenient parser. */
const LENIENT_PROCESS = /(?:^|\s)--insecure-http-parser(?:\s|$)/.test(
  [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '),
)

/**
 * Returns whether a server's HTTP parser accepts more than RFC 9112
 * allows, because of `insecureHTTPParser` or `httpValidation`.
 */
export function isLenient(server: Server | undefined): boolean {
  if (server === undefined) return LENIENT_PROCESS
  const { insecureHTTPParser = LENIENT_PROCESS, httpValidation } = server as ParserOptions
  return httpValidation === undefined ? insecureHTTPParser : httpValidation !== 'strict'
}

/**
 * Refuses a request that Node's lenient HTTP parser accepts and that another parser may read differently,
 * as far as the proxy can see that. It sees header names that are not tokens (`Content-Length :`), control
 * characters in header values, and requests after one that ends its connection. It cannot see folded lines,
 * bare line feeds and odd chunks. These do not reach a server, because the proxy writes each request anew.
 *
 * @throws ProxyError `PROXY_BAD_REQUEST`
 */
export function checkLenient(req: IncomingMessage): void {
  const { rawHeaders: raw, socket } = req
  checkNames(raw, false)
  for (let index = 1; index < raw.length; index += 2) {
    if (!NOT_IN_VALUES.test(raw[index] as string)) continue
    const name = quote(raw[index - 1] as string)
    throw new ProxyError('PROXY_BAD_REQUEST', `the header ${name} holds a control character`)
  }
  if (isLast(req)) Http1Connection.of(socket).takesNoMore = true
}

/** Matches a character that a header value must not hold (RFC 9110, 5.5). */
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/

function isLast({ httpVersion, headers }: IncomingMessage): boolean {
  const named = namedByConnection(headers.connection?.toLowerCase())
  if (headers.connection?.toLowerCase() === 'close' || named?.has('close')) return true
  return (
    httpVersion === '1.0' && headers.connection?.toLowerCase() !== 'keep-alive' && !named?.has('keep-alive')
  )
}

let warned = false

/** Emits a process warning, once, if a server's HTTP parser is lenient. No later check can find what such a parser hides. */
export function warnIfLenient(server: Server): void {
  if (warned || !isLenient(server)) return
  warned = true
  process.emitWarning(
    'an HTTP server that passes requests to the proxy has a lenient parser (insecureHTTPParser). ' +
      'The proxy refuses what it can see of that, but cannot see bare line feeds, folded lines and odd chunks. ' +
      'Another proxy in front may read them differently. Leave that option off.',
    'SwitchoverWarning',
  )
}
