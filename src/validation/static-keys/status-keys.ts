import { flag, keysOf, later, numbers, oldNameOf, refused, secret, table, text } from './static-key.js'

const WEB_TLS = 'put a proxy with TLS in front of web.address, then remove it'
/** The default address of the status server. Traefik has the same. */
const ADDRESS = ':8080'
const PLAIN = 'without it the status server answers in plain text'

/** The keys of the status server. Traefik has it in two forms: `web` is the older one. */
export const STATUS_KEYS = keysOf(
  'Status server',
  { reload: 'restart' },
  {
    web: table('the status server', 'The old form: everything in one table.'),
    'web.address': text(
      'options.status.address',
      '`":8080"` is 127.0.0.1 alone; `"0.0.0.0:8080"` is open to every network. Traefik: `":8080"` is all interfaces.',
      { default: ADDRESS },
    ),
    'web.token': oldNameOf('api.token', 'As `api.token`.'),
    'web.metrics.prometheus.buckets': oldNameOf('metrics.prometheus.buckets'),
    'web.metrics.prometheus.entryPoint': text('nothing', 'Metrics are where the status server is.'),
    'web.metrics.datadog': later('table', 'Sends metrics to Datadog.'),
    'web.metrics.statsd': later('table', 'Sends metrics to StatsD.'),
    'web.metrics.influxdb': later('table', 'Sends metrics to InfluxDB.'),
    'web.statistics': later('table', 'How many recent errors `/health` shows.'),
    'web.debug': later('flag', "Traefik's pages for developers."),
    'web.path': later('text', 'A path in front of all paths of the status server.'),
    'web.certFile': refused('text', 'The certificate of the status server.', WEB_TLS, PLAIN),
    'web.keyFile': refused('text', 'The private key of the status server.', WEB_TLS, PLAIN),
    'web.readOnly': refused(
      'flag',
      'If true, callers cannot change the configuration.',
      'the status server never changes a configuration; remove it',
      'without it callers of Traefik change the configuration',
    ),
    'web.auth': refused(
      'table',
      'Asks callers of the status server for a password.',
      'save its users, set web.token or let a proxy in front of web.address ask, then remove it',
      'without it every caller reads what the status server shows',
    ),
    api: table('the status server', 'Switches the status server on.'),
    'api.entryPoint': text(
      'where the status server listens',
      `The name of an entry point. It also serves frontends, or only these pages, [by a rule](#status-pages-on-an-entry-point). If there is no entry point \`traefik\`, they are at \`"${ADDRESS}"\`.`,
      { default: 'traefik' },
    ),
    'api.token': secret(
      'options.status.token',
      'What callers must send as `Authorization: Bearer`. `/ping` and `/ready` need no token.',
      { traefik: false },
    ),
    'api.dashboard': flag('nothing', 'The dashboard is always there.'),
    'api.debug': later('flag', "Traefik's pages for developers."),
    'api.statistics': later('table', 'How many recent errors `/health` shows.'),
    ping: table('the status server', 'Switches the status server on.'),
    'ping.entryPoint': text('where the status server listens', 'As `api.entryPoint`.', {
      default: 'traefik',
    }),
    'metrics.prometheus': table('the status server', 'Switches the status server on.'),
    'metrics.prometheus.entryPoint': text('where the status server listens', 'As `api.entryPoint`.', {
      default: 'traefik',
    }),
    'metrics.prometheus.buckets': numbers(
      'options.status.metrics.buckets',
      'Upper bounds of the buckets of duration histograms, in seconds, ascending. Traefik: 0.1, 0.3, 1.2 and 5.',
      { defaultMeaning: '0.005, 0.025, 0.1, 0.3, 1.2 and 5' },
    ),
    'metrics.datadog': later('table', 'Sends metrics to Datadog.'),
    'metrics.statsd': later('table', 'Sends metrics to StatsD.'),
    'metrics.influxdb': later('table', 'Sends metrics to InfluxDB.'),
  },
)
