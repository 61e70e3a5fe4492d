const TLS = 'end TLS in a proxy in front, or in an https server of your own with proxy.attach, then remove it'
const WHITE_LIST = 'give each frontend a whiteList, then remove it'
const CONSTRAINTS = 'keep what it leaves out away from this provider, then remove it'
const TEMPLATE = 'write what the template makes as keys or as a document, then remove it'
const WEB_TLS = 'put a proxy with TLS in front of web.address, then remove it'

/**
 * Maps each configuration key that the proxy refuses to advice: what the operator can do instead, before removing the key.
 * Removing the key alone would admit the requests that it kept out. Only `compress` is missing here.
 */
const WAYS_OUT: Readonly<Record<string, string>> = {
  'entryPoints.*.tls': TLS,
  'entryPoints.*.redirect': 'let a proxy in front redirect, then remove it',
  'entryPoints.*.auth': 'let a proxy in front ask for passwords; save its users, then remove it',
  'entryPoints.*.whiteList': WHITE_LIST,
  'entryPoints.*.whitelistSourceRange': WHITE_LIST,
  'entryPoints.*.proxyProtocol':
    'let the proxy in front send X-Forwarded-For, name it in forwardedHeaders.trustedIPs, then remove it',
  'web.certFile': WEB_TLS,
  'web.keyFile': WEB_TLS,
  'web.readOnly': 'the status server never changes a configuration; remove it',
  'web.auth': 'save its users, set web.token or let a proxy in front of web.address ask, then remove it',
  tls: TLS,
  constraints: CONSTRAINTS,
  'file.constraints': CONSTRAINTS,
  'etcd.constraints': CONSTRAINTS,
  'consul.constraints': CONSTRAINTS,
  'etcd.filename': TEMPLATE,
  'consul.filename': TEMPLATE,
}

/**
 * The advice for the configuration key `compress`. It keeps no request out, but without it clients would silently get
 * uncompressed responses.
 */
const COMPRESS =
  'responses would leave uncompressed; let the servers or a proxy in front compress, then remove it'

/**
 * Returns the end of an error message: why a configuration key is refused, and what the operator can do instead.
 *
 * @param path the path of the key in `STATIC_KEYS`
 */
export function whyRefused(path: string): string {
  if (path === 'entryPoints.*.compress') return `: ${COMPRESS}`
  return `, and it guards: ${WAYS_OUT[path] ?? 'put what it does in front, then remove it'}`
}
