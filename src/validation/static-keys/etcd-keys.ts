import { CONSTRAINTS, SHARED, TEMPLATE } from './shared-texts.js'
import { duration, flag, keysOf, later, list, pem, refused, secret, table, text } from './static-key.js'

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
    'etcd.prefix': text('etcd.prefix', SHARED.prefix, { default: '/traefik' }),
    'etcd.watch': flag('etcd.watch', SHARED.watch, { default: true }),
    'etcd.username': text('etcd.auth.username', 'The name of a user of etcd.'),
    'etcd.password': secret('etcd.auth.password', 'The password of this user.'),
    'etcd.tls': table('etcd.tls', SHARED.tls),
    'etcd.tls.ca': pem('etcd.tls.ca', SHARED.ca, { defaultMeaning: SHARED.nodesRoots }),
    'etcd.tls.cert': pem('etcd.tls.cert', SHARED.cert),
    'etcd.tls.key': pem('etcd.tls.key', SHARED.key),
    'etcd.tls.insecureSkipVerify': flag('etcd.tls.insecureSkipVerify', SHARED.insecureSkipVerify, {
      default: false,
    }),
    'etcd.tls.caOptional': flag('nothing', SHARED.caOptional),
    'etcd.useAPIV3': flag(
      'nothing, but for a warning at false',
      'The proxy always speaks version 3. Traefik: default `false`.',
    ),
    'etcd.aliasKey': text('etcd.aliasKey', SHARED.aliasKey, {
      defaultMeaning: `${SHARED.underPrefix}; with \`[etcd.api]\`, \`alias\` under a given \`etcd.prefix\`, else required`,
      traefik: false,
    }),
    'etcd.followTarget': flag('etcd.followTarget', `${SHARED.followTarget} Not with \`[etcd.api]\`.`, {
      default: false,
      traefik: false,
    }),
    'etcd.allowedPrefix': text('etcd.allowedPrefix', SHARED.allowedPrefix, {
      defaultMeaning: SHARED.anyPrefix,
      traefik: false,
    }),
    'etcd.allowEmpty': flag('etcd.allowEmpty', SHARED.allowEmpty, { default: false, traefik: false }),
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
    'etcd.api.tls.ca': pem('api.tls.ca', SHARED.ca, { defaultMeaning: SHARED.nodesRoots, traefik: false }),
    'etcd.api.tls.cert': pem('api.tls.cert', SHARED.cert, { traefik: false }),
    'etcd.api.tls.key': pem('api.tls.key', SHARED.key, { traefik: false }),
    'etcd.constraints': refused(...CONSTRAINTS),
    'etcd.filename': refused(...TEMPLATE),
    'etcd.trace': later('flag', SHARED.trace),
    'etcd.templateVersion': later('number', SHARED.templateVersion),
    'etcd.debugLogGeneratedTemplate': later('flag', SHARED.debugLogGeneratedTemplate),
  },
)
