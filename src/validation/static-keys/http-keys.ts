import { allowEmptyRow, tlsRows } from './shared-rows.js'
import { duration, keysOf, secret, table, text } from './static-key.js'

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
    ...allowEmptyRow('http'),
    ...tlsRows('http'),
  },
)
