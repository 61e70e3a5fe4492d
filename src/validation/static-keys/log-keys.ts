import { duration, flag, keysOf, later, list, number, oldNameOf, path, table, text } from './static-key.js'

/** The keys of the application log and of the access log. */
export const LOG_KEYS = keysOf(
  'Logs',
  { reload: 'restart' },
  {
    logLevel: text(
      'options.logLevel',
      'DEBUG, INFO, WARN, ERROR, FATAL, PANIC or OFF, in any case. FATAL and PANIC count as ERROR. Traefik: default ERROR.',
      { default: 'INFO' },
    ),
    debug: flag('the log level debug', 'If true, the log level is DEBUG, whatever `logLevel` says.', {
      default: false,
    }),
    traefikLog: table(
      'the application log',
      'The application log. Without a file, it goes to the standard error stream.',
    ),
    'traefikLog.filePath': path('the application log', 'The file of the application log.', {
      defaultMeaning: 'the standard error stream',
    }),
    'traefikLog.format': text('the application log', '`common` or `json`.', { default: 'common' }),
    traefikLogsFile: oldNameOf('traefikLog.filePath'),
    accessLog: table('the access log', 'A line for each request. Without a file, on the standard output.'),
    'accessLog.filePath': path('options.accessLog.file', 'The file of the access log.', {
      defaultMeaning: 'the standard output',
    }),
    'accessLog.format': text('options.accessLog.format', '`common` or `json`.', { default: 'common' }),
    'accessLog.bufferingSize': number('nothing', 'The proxy gathers lines for up to a second anyway.'),
    'accessLog.filters.statusCodes': list(
      'options.accessLog.filters.statusCodes',
      'Logs only requests with these statuses: `["404", "500-599"]`. With several filters, one that matches is enough.',
    ),
    'accessLog.filters.retryAttempts': flag(
      'options.accessLog.filters.retryAttempts',
      'If true, logs only requests that the proxy sent to a server more than once.',
      { default: false },
    ),
    'accessLog.filters.minDuration': duration(
      'options.accessLog.filters.minDurationMs',
      'Logs only requests that took longer than this. 0 switches the filter off.',
      { default: '0s' },
    ),
    'accessLog.fields.defaultMode': later('text', 'Whether a line has the fields that no other key names.'),
    'accessLog.fields.names': later('table', 'Whether a line has a field, by its name.'),
    'accessLog.fields.headers.defaultMode': text(
      'options.accessLog.headers.default',
      '`keep`, `redact` or `drop`: what a line says of headers, in JSON only. Traefik: default `keep`.',
      { default: 'drop' },
    ),
    'accessLog.fields.headers.names.*': text(
      'options.accessLog.headers.names.*',
      'The same for one header, by its name.',
      { defaultMeaning: 'that of all headers' },
    ),
    accessLogsFile: oldNameOf('accessLog.filePath'),
  },
)
