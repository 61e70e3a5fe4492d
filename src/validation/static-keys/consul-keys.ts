import { aliasRows, prefixRows, refusedRows, tlsRows } from './shared-rows.js'
import { keysOf, later, secret, table, text } from './static-key.js'

/** The keys of Consul. */
export const CONSUL_KEYS = keysOf(
  'Consul',
  { reload: 'applied' },
  {
    consul: table('ConsulProvider', 'Keys in Consul.', { creates: ['consul'] }),
    'consul.endpoint': text('consul.url', 'The host and port of one agent.', { default: '127.0.0.1:8500' }),
    ...prefixRows('consul', 'traefik'),
    'consul.token': secret(
      'consul.token',
      "A token that may read the keys. Consul's own variable `CONSUL_HTTP_TOKEN` sets it too. Traefik: only the variable.",
      { traefik: false },
    ),
    ...tlsRows('consul'),
    ...aliasRows('consul'),
    'consul.username': later('text', 'A user name for the agent.'),
    'consul.password': later('secret', 'The password of this user.'),
    ...refusedRows('consul'),
  },
)
