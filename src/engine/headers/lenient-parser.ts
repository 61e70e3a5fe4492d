import type { IncomingMessage, Server } from 'node:http'
import { quote } from '../../base/messages.js'
import { ProxyError } from '../../model/errors.js'
import { namedByConnection } from './forward-headers.js'
import { checkNames } from './proxy-fields.js'

/** A server with Node's fields for its parser. `httpValidation` exists from Node 24.19 and 26.3 on. */
type ParserOptions = Server & { readonly insecureHTTPParser?: boolean; readonly httpValidation?: string }

/** Whether Node was started with a lenient parser for every server that has no option of its own. */
const LENIENT_PROCESS = /(?:^|\s)--insecure-http-parser(?:\s|$)/.test(
  [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '),
)

/** Returns whether a server's parser is more lenient than RFC 9112, by the option `insecureHTTPParser` or `httpValidation`. */
export function isLenient(server: Server | undefined): boolean {
  if (server === undefined) return LENIENT_PROCESS
  const { insecureHTTPParser = LENIENT_PROCESS, httpValidation } = server as ParserOptions
  return httpValidation === undefined ? insecureHTTPParser : httpValidation !== 'strict'
}

/**
 * Refuses what a lenient parser of Node accepts and two parsers may read differently, as far as it
 * is visible. Visible are names that are not tokens (`Content-Length :`), control characters in
 * values, and requests after one that ends its connection. Folded lines, bare line feeds and odd
 * chunks are not visible. They do not reach a server, because the proxy writes each request anew.
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
  if (isLast(req)) endConnection(socket)
}

/** Matches a character that a field value must not hold (RFC 9110, 5.5). */
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/

function isLast({ httpVersion, headers }: IncomingMessage): boolean {
  const named = namedByConnection(headers.connection?.toLowerCase())
  if (headers.connection?.toLowerCase() === 'close' || named?.has('close')) return true
  return (
    httpVersion === '1.0' && headers.connection?.toLowerCase() !== 'keep-alive' && !named?.has('keep-alive')
  )
}

const ENDED = Symbol('nothing more is taken from this connection')
type Connection = object & { [ENDED]?: true }

/** Marks a connection from which no further request is taken. The bytes that follow are not a request (RFC 9112, 9.6 and 6.3). */
export function endConnection(socket: object): void {
  ;(socket as Connection)[ENDED] = true
}

/** Returns whether an earlier request has ended this connection for requests. */
export function hasEnded(socket: object): boolean {
  return (socket as Connection)[ENDED] === true
}

let warned = false

/** Emits one process warning that a server's parser is lenient. No later check can find what that parser hides. */
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
