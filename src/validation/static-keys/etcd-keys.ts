import { aliasRows, certificateRows, prefixRows, refusedRows, tlsRows } from './shared-rows.js'
import { duration, flag, keysOf, list, secret, table, text } from './static-key.js'

/** The keys of etcd, with those of the config API that an alias in etcd needs. */
export const ETCD_KEYS = keysOf(
  'etcd',
  { reload: 'applied' },
  {
    etcd: table('EtcdProvider, or EtcdAliasProvider', 'With `[etcd.api]`, it is `EtcdAliasProvider`.', {
      creates: ['etcd', 'etcd-alias'],
    }),
    'etcd.endpoint': list('etcd.hosts', 'Hosts with their ports: a list, or one text with commas.', {
      default: '127.0.0.1:2379',
    }),
    ...prefixRows('etcd', '/traefik'),
    'etcd.username': text('etcd.auth.username', 'The name of a user of etcd.'),
    'etcd.password': secret('etcd.auth.password', 'The password of this user.'),
    ...tlsRows('etcd'),
    'etcd.useAPIV3': flag(
      'nothing, but for a warning at false',
      'The proxy always speaks version 3. Traefik: default `false`.',
    ),
    ...aliasRows(
      'etcd',
      '; with `[etcd.api]`, `alias` under a given `etcd.prefix`, else required',
      ' Not with `[etcd.api]`.',
    ),
    'etcd.api.url': text('api.url', 'The URL of the config API.', {
      defaultMeaning: 'required in `[etcd.api]`',
      traefik: false,
    }),
    'etcd.api.timeout': duration('api.timeoutMs', 'The time limit of a request to the config API.', {
      default: '30s',
      traefik: false,
    }),
    'etcd.api.headers.*': secret(
      'api.headers.*',
      'A header of each request to the config API, by its name.',
      {
        traefik: false,
      },
    ),
    'etcd.api.requirePrefix': flag(
      'api.requirePrefix',
      'If true, refuses responses that do not say their prefix.',
      {
        default: false,
        traefik: false,
      },
    ),
    ...certificateRows('etcd.api.tls', 'api.tls', { traefik: false }),
    ...refusedRows('etcd'),
  },
)
