import type { Dispatcher } from 'undici'
import type { RequestBytes } from './request-bytes.js'

/**
 * Returns a request in the form that undici takes.
 *
 * @param servername the name that the server's certificate must be for. Without it, undici would take the name in the client's
 *   `Host` header.
 * @param reset whether to close the connection after the response. With null, undici decides: it closes the connection after a
 *   HEAD request, because a faulty server may send a body.
 */
export function dispatchOptions(
  { method, path, headers, body, upgrade }: RequestBytes,
  servername: string,
  reset: boolean | null,
): Dispatcher.DispatchOptions {
  return {
    method: method as Dispatcher.HttpMethod,
    path,
    headers,
    body: body as Dispatcher.DispatchOptions['body'],
    upgrade,
    servername,
    reset,
    // False: undici need not wait for a response's head before it sends the next request, since requests are never pipelined.
    blocking: false,
  } as Dispatcher.DispatchOptions
}
