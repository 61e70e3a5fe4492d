import { quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { choice, flag, object, text } from '../base/schema.js'
import { TOKEN } from '../base/token.js'
import type { LoadBalancer, Stickiness } from '../model/backend.js'
import type { DocumentHost } from './document-host.js'

const STICKINESS = object<Stickiness>(
  {
    type: 'Stickiness',
    meaning: 'The cookie that keeps a client on one server. Source: Traefik 1.7 `loadBalancer.stickiness`.',
    isOnWhenEmpty: true,
  },
  {
    cookieName: text({
      meaning: 'The name of the cookie.',
      defaultMeaning: '`_` and five digits made from the name of the backend',
      isName: true,
      pattern: TOKEN,
      expected: 'the name of a cookie (RFC 6265, 4.1.1)',
    }),
    secure: flag({
      meaning: 'Whether the cookie has the attribute `Secure`: browsers then send it over TLS alone.',
      default: false,
      traefik: false,
    }),
    httpOnly: flag({
      meaning: 'Whether the cookie has the attribute `HttpOnly`: scripts in a page then cannot read it.',
      default: false,
      traefik: false,
    }),
    sameSite: choice({
      meaning: 'The attribute `SameSite` of the cookie.',
      of: ['none', 'lax', 'strict'],
      defaultMeaning: 'the cookie lacks the attribute',
      traefik: false,
    }),
  },
)

/** The field `loadBalancer` of a backend. */
export const LOAD_BALANCER = object<LoadBalancer>(
  {
    type: 'LoadBalancer',
    meaning: 'How requests are balanced over the servers of a backend. Source: Traefik 1.7 `loadBalancer`.',
  },
  {
    method: text({
      meaning: 'The name of a strategy.',
      default: 'wrr',
      isName: true,
      check: (method, { strategies }: DocumentHost) =>
        strategies.has(method)
          ? undefined
          : `there is no strategy ${quote(method)}${suggestName(method, [...strategies.keys()])}`,
    }),
    stickiness: {
      ...STICKINESS,
      meaning: 'Keeps a client on one server by a cookie.',
      defaultMeaning: 'none',
    },
    sticky: flag({
      meaning: "Traefik's old form of `stickiness`: a cookie with the name `_TRAEFIK_BACKEND`.",
      default: false,
    }),
    hashBy: text({
      meaning:
        'The key of the strategy `consistentHash`: `clientIp`, `path`, `header:NAME` or `cookie:NAME`.',
      default: 'clientIp',
      traefik: false,
      isName: true,
      pattern: /^(clientIp|path|header:.+|cookie:.+)$/,
      expected: 'clientIp, path, header:NAME or cookie:NAME',
    }),
  },
)
