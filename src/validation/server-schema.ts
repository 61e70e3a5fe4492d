import { maskMalformedUrl } from '../base/credentials.js'
import { quote } from '../base/messages.js'
import { count, list, number, object, text } from '../base/schema.js'
import { LIMITS_NOTHING } from '../base/why-it-guards.js'
import type { Server } from '../model/backend.js'
import { METADATA } from './metadata-schema.js'
import { parseServerUrl } from './server-url.js'

/** The greatest weight of a server. Beyond it, sums of weights lose the small ones, and servers get wrong shares. */
const MAX_WEIGHT = 1_000_000

/** A server of a backend. */
export const SERVER = object<Server>(
  { type: 'Server', meaning: 'A server: one URL with a weight, as configured.' },
  {
    url: text({
      meaning:
        'An `http://` or `https://` URL. If it has a path, the proxy puts that path before the path of every request.',
      required: { expected: 'a URL' },
      format: /^https?:\/\/[^\s?#@\\]+$/i,
      check: (url) => {
        const { flaw } = parseServerUrl(url)
        return flaw && [{ code: 'INVALID_URL', message: `${quote(maskMalformedUrl(url))} ${flaw}` }]
      },
    }),
    weight: number({
      meaning: "The server's share of the requests, relative to the other servers. 0: no new requests.",
      default: 1,
      least: 0,
      most: MAX_WEIGHT,
      expected: `a number from 0 to ${MAX_WEIGHT}`,
    }),
    maxConnections: count({
      unit: 'connections',
      meaning:
        'Connections to the server at a time, each with one request. Further requests wait in the queue.',
      defaultMeaning: 'no limit',
      traefik: false,
      guard: LIMITS_NOTHING,
    }),
    tags: list({
      isOffWhenEmpty: true,
      meaning: 'Labels of the server. The proxy shows them and does not interpret them.',
    }),
    metadata: METADATA,
  },
)
