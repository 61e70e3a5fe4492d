import { readClientAddress } from '../base/cidr.js'
import { onlyKnownOptions } from '../base/known-options.js'
import { hostOf } from '../base/normalize-host.js'
import { normalizePath } from '../base/normalize-path.js'
import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'

/** A request in a few words, for `explain`: what is left out makes it a GET without query and headers, on no entry point. */
export type RequestSketch = Pick<RequestFacts, 'host' | 'path' | 'clientAddress'> & Partial<RequestFacts>

const SKETCH = ['method', 'host', 'path', 'query', 'headers', 'clientAddress', 'peerAddress', 'entryPoint']

/** What the proxy would see of such a request. @throws ProxyError `PROXY_OPTION_INVALID` */
export function factsOfSketch(request: RequestSketch): RequestFacts {
  onlyKnownOptions(request ?? {}, SKETCH, 'explain: ')
  for (const name of ['host', 'path', 'clientAddress'] as const) {
    if (typeof request?.[name] === 'string') continue
    throw new ProxyError('PROXY_OPTION_INVALID', `explain: expected ${name} as a text`)
  }
  if (/[?#]/.test(request.path)) {
    const message = 'explain: path: expected a path alone; there is query for the rest'
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
    // What is no address is none, as in a running proxy.
    clientAddress: readClientAddress(request.clientAddress)?.text ?? '',
  }
}
