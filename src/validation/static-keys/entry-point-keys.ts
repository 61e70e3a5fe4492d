import { LETS_IN, PLAIN, WITHOUT_TLS } from '../../base/why-it-guards.js'
import { TLS_WAY_OUT } from './shared-texts.js'
import { flag, keysOf, list, refused, text } from './static-key.js'

const WRONG_ADDRESS =
  'without it white lists and rules take the address of a proxy in front for the client address'

/** The entry point of a static configuration that names none. Traefik has the same. */
export const DEFAULT_ENTRY_POINT = { name: 'http', address: ':80' } as const

/** The keys of entry points: where the proxy listens, and which proxies in front it trusts. */
export const ENTRY_POINT_KEYS = keysOf(
  'Entry points',
  { reload: 'applied' },
  {
    'entryPoints.*.address': text(
      '`address` in `options.entryPoints`',
      '`":80"` is all interfaces, `"127.0.0.1:80"` is one. Port 0 is any free one. *Ours*: `"unix:/run/proxy.sock"` is a Unix socket. Each entry point needs an address.',
      {
        defaultMeaning: `required; without an entry point there is \`${DEFAULT_ENTRY_POINT.name}\` on \`"${DEFAULT_ENTRY_POINT.address}"\``,
      },
    ),
    'entryPoints.*.mode': text(
      '`mode` in `options.entryPoints`',
      'The mode of the file of a Unix socket, in octal digits: `"660"`.',
      { traefik: false, defaultMeaning: 'what the umask leaves' },
    ),
    'entryPoints.*.forwardedHeaders.trustedIPs': list(
      '`trustedProxies` in `options.entryPoints`',
      'Addresses and ranges whose `X-Forwarded-*` headers the proxy believes. If all entry points say the same, it becomes `options.trustedProxies` too.',
      { defaultMeaning: '`trustedProxies`', guard: WRONG_ADDRESS },
    ),
    'entryPoints.*.forwardedHeaders.insecure': flag(
      '`trustedProxies` in `options.entryPoints`',
      'If true, every peer is trusted there, whatever `trustedIPs` say. If false, only `trustedIPs` are. Traefik: default `true`.',
      { defaultMeaning: '`false`; if `trustedIPs` is missing too, `trustedProxies` apply' },
    ),
    // `compress` comes first among the refused keys. A variable that may mean several keys means the first.
    'entryPoints.*.compress': refused(
      'flag',
      'Compresses responses.',
      'responses would leave uncompressed; let the servers or a proxy in front compress, then remove it',
    ),
    'entryPoints.*.tls': refused('table', 'TLS and its certificates.', TLS_WAY_OUT, WITHOUT_TLS),
    'entryPoints.*.redirect': refused(
      'table',
      'Redirects requests to another entry point or URL.',
      'let a proxy in front redirect, then remove it',
      PLAIN,
    ),
    'entryPoints.*.auth': refused(
      'table',
      'Asks clients for a password, or asks another service about them.',
      'let a proxy in front ask for passwords; save its users, then remove it',
      LETS_IN,
    ),
    'entryPoints.*.whiteList.sourceRange': list(
      '`whiteList` in `options.entryPoints`',
      'Addresses and ranges of the clients that may ask there, whatever frontend they ask for. Others get 403.',
      { defaultMeaning: 'all clients', guard: LETS_IN },
    ),
    'entryPoints.*.whiteList.useXForwardedFor': flag(
      '`whiteList` in `options.entryPoints`',
      'If true, the list is about the client address. If false, it is about the peer address. Traefik: any address in `X-Forwarded-For` counts.',
      { defaultMeaning: '`false`' },
    ),
    'entryPoints.*.whitelistSourceRange': list(
      '`whiteList` in `options.entryPoints`',
      'An older form of `whiteList.sourceRange`. Both together are an error.',
      { defaultMeaning: 'all clients', guard: LETS_IN },
    ),
    'entryPoints.*.proxyProtocol': refused(
      'table',
      'Takes the client address from the PROXY protocol.',
      'let the proxy in front send X-Forwarded-For, name it in forwardedHeaders.trustedIPs, then remove it',
      WRONG_ADDRESS,
    ),
    defaultEntryPoints: list(
      'the entry points of frontends that name none',
      'Names of entry points. Frontends that name no entry point answer on these.',
      { defaultMeaning: '`http` if there is one, else all' },
    ),
    trustedProxies: list(
      'options.trustedProxies',
      'The same as `trustedIPs`, for entry points that say nothing of their own. A reload applies it to entry points alone.',
      { traefik: false, guard: WRONG_ADDRESS },
    ),
  },
)
