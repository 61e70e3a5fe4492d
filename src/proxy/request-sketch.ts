import { readClientAddress } from '../base/cidr.js'
import { onlyKnownOptions } from '../base/known-options.js'
import { describeValue } from '../base/messages.js'
import { hostOf } from '../base/normalize-host.js'
import { normalizePath } from '../base/normalize-path.js'
import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'

/**
 * Describes a request for `explain`. If a property is not given, the request is a GET without query and headers, and belongs to
 * no entry point. Without `peerAddress`, the client itself connects to the proxy.
 *
 * @example { host: 'www.example.com', path: '/', clientAddress: '10.1.2.3', method: 'POST' }
 */
export type RequestSketch = Pick<RequestFacts, 'host' | 'path' | 'clientAddress'> & Partial<RequestFacts>

const SKETCH = ['method', 'host', 'path', 'query', 'headers', 'clientAddress', 'peerAddress', 'entryPoint']

/**
 * Returns the properties that rules would test of the described request, in normalised form.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if a property is unknown, missing or not a string
 */
export function factsOfSketch(request: RequestSketch): RequestFacts {
  onlyKnownOptions(request ?? {}, SKETCH, 'explain: ')
  for (const name of ['host', 'path', 'clientAddress'] as const) {
    if (typeof request?.[name] === 'string') continue
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `explain: expected ${name} as a text, found ${describeValue(request?.[name])}`,
    )
  }
  if (/[?#]/.test(request.path)) {
    const message = 'explain: path: expected a path without ? and #; put the query into the fact query'
    throw new ProxyError('PROXY_OPTION_INVALID', message)
  }
  const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
  return {
    method: 'GET',
    query: '',
    ...request,
    headers: Object.fromEntries(headers),
    host: hostOf(request.host),
    path: normalizePath(request.path),
    // If `clientAddress` is not an IP address, the request has no client address, as in a running proxy.
    clientAddress: readClientAddress(request.clientAddress)?.text ?? '',
    ...(request.peerAddress !== undefined && {
      peerAddress: readClientAddress(request.peerAddress)?.text ?? '',
    }),
  }
}
