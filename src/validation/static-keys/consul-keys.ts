import { CONSTRAINTS, SHARED, TEMPLATE } from './shared-texts.js'
import { flag, keysOf, later, pem, refused, secret, table, text } from './static-key.js'

/** The keys of Consul. */
export const CONSUL_KEYS = keysOf(
  'Consul',
  { reload: 'applied' },
  {
    consul: table('ConsulProvider', 'Keys in Consul.', { creates: ['consul'] }),
    'consul.endpoint': text('consul.url', 'The host and port of one agent.', { default: '127.0.0.1:8500' }),
    'consul.prefix': text('consul.prefix', SHARED.prefix, { default: 'traefik' }),
    'consul.watch': flag('consul.watch', SHARED.watch, { default: true }),
    'consul.token': secret(
      'consul.token',
      "A token that may read the keys. Consul's own variable `CONSUL_HTTP_TOKEN` sets it too. Traefik: only the variable.",
      { traefik: false },
    ),
    'consul.tls': table('consul.tls', SHARED.tls),
    'consul.tls.ca': pem('consul.tls.ca', SHARED.ca, { defaultMeaning: SHARED.nodesRoots }),
    'consul.tls.cert': pem('consul.tls.cert', SHARED.cert),
    'consul.tls.key': pem('consul.tls.key', SHARED.key),
    'consul.tls.insecureSkipVerify': flag('consul.tls.insecureSkipVerify', SHARED.insecureSkipVerify, {
      default: false,
    }),
    'consul.tls.caOptional': flag('nothing', SHARED.caOptional),
    'consul.aliasKey': text('consul.aliasKey', SHARED.aliasKey, {
      defaultMeaning: SHARED.underPrefix,
      traefik: false,
    }),
    'consul.followTarget': flag('consul.followTarget', SHARED.followTarget, {
      default: false,
      traefik: false,
    }),
    'consul.allowedPrefix': text('consul.allowedPrefix', SHARED.allowedPrefix, {
      defaultMeaning: SHARED.anyPrefix,
      traefik: false,
    }),
    'consul.allowEmpty': flag('consul.allowEmpty', SHARED.allowEmpty, { default: false, traefik: false }),
    'consul.username': later('text', 'A user name for the agent.'),
    'consul.password': later('secret', 'The password of this user.'),
    'consul.constraints': refused(...CONSTRAINTS),
    'consul.filename': refused(...TEMPLATE),
    'consul.trace': later('flag', SHARED.trace),
    'consul.templateVersion': later('number', SHARED.templateVersion),
    'consul.debugLogGeneratedTemplate': later('flag', SHARED.debugLogGeneratedTemplate),
  },
)
