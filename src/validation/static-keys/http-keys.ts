import { SHARED } from './shared-texts.js'
import { duration, flag, keysOf, pem, secret, table, text } from './static-key.js'

/** The keys of a document under a URL. Traefik 1.7 has none of them. */
export const HTTP_KEYS = keysOf(
  'A URL',
  { reload: 'applied', traefik: false },
  {
    http: table('HttpProvider', "A document under a URL. Source: Traefik 3's `providers.http`.", {
      creates: ['http'],
    }),
    'http.endpoint': text('http.url', 'The URL of the document.', { defaultMeaning: 'required' }),
    'http.pollInterval': duration('http.pollIntervalMs', 'The time between two requests.', { default: '5s' }),
    'http.pollTimeout': duration('http.timeoutMs', 'The time limit of a request.', { default: '30s' }),
    'http.headers.*': secret('http.headers.*', 'A header of each request, by its name.'),
    'http.allowEmpty': flag('http.allowEmpty', SHARED.allowEmpty, { default: false }),
    'http.tls': table('http.tls', SHARED.tls),
    'http.tls.ca': pem('http.tls.ca', SHARED.ca, { defaultMeaning: SHARED.nodesRoots }),
    'http.tls.cert': pem('http.tls.cert', SHARED.cert),
    'http.tls.key': pem('http.tls.key', SHARED.key),
    'http.tls.insecureSkipVerify': flag('http.tls.insecureSkipVerify', SHARED.insecureSkipVerify, {
      default: false,
    }),
  },
)
