import type { IncomingMessage, Server } from 'node:http'
import { ProxyError } from '../../model/errors.js'
import { namedByConnection } from './forward-headers.js'
import { checkNames } from './proxy-fields.js'

/** What Node knows of a server's parser: `httpValidation` from 24.19 and 26.3 on. */
type ParserOptions = Server & { readonly insecureHTTPParser?: boolean; readonly httpValidation?: string }

/** Whether Node was started so that each parser without an option of its own is lenient. */
const LENIENT_PROCESS = /(?:^|\s)--insecure-http-parser(?:\s|$)/.test(
  [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '),
)

/** Whether a server reads requests otherwise than RFC 9112 says: the option `insecureHTTPParser`, or its like. */
export function isLenient(server: Server | undefined): boolean {
  if (server === undefined) return LENIENT_PROCESS
  const { insecureHTTPParser = LENIENT_PROCESS, httpValidation } = server as ParserOptions
  return httpValidation === undefined ? insecureHTTPParser : httpValidation !== 'strict'
}

/**
 * Refuses what a lenient parser of Node lets through and two parsers may understand differently, as far as it can be
 * seen: names that are no tokens (`Content-Length :`), control characters in values, requests behind one that ends its
 * connection. Folded lines, bare line feeds and the odd chunk cannot be seen: nothing of them goes on, for what leaves is
 * written anew.
 *
 * @throws ProxyError `PROXY_BAD_REQUEST`
 */
export function checkLenient(req: IncomingMessage): void {
  const { rawHeaders: raw, socket } = req
  checkNames(raw, false)
  for (let index = 1; index < raw.length; index += 2) {
    if (!NOT_IN_VALUES.test(raw[index] as string)) continue
    const name = JSON.stringify(raw[index - 1])
    throw new ProxyError('PROXY_BAD_REQUEST', `the header ${name} holds a control character`)
  }
  if (isLast(req)) endConnection(socket)
}

/** RFC 9110, 5.5. */
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

/** Marks a connection on which no further request is taken: what follows is none (RFC 9112, 9.6 and 6.3). */
export function endConnection(socket: object): void {
  ;(socket as Connection)[ENDED] = true
}

/** Whether a request came before which ends this connection. */
export function hasEnded(socket: object): boolean {
  return (socket as Connection)[ENDED] === true
}

let warned = false

/** Tells once in a process that a server's parser is lenient: what it hides, no check behind it can find. */
export function warnIfLenient(server: Server): void {
  if (warned || !isLenient(server)) return
  warned = true
  process.emitWarning(
    'a server before the proxy has a lenient parser (insecureHTTPParser): what can be seen of it is refused, but not bare line feeds, folded lines and odd chunks, which a proxy in front may read otherwise; leave that option off',
    'SwitchoverWarning',
  )
}
