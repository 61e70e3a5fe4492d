import { describeValue, quote } from '../base/messages.js'
import { choice, count, duration, named, number, object, text } from '../base/schema.js'
import { TOKEN } from '../base/token.js'
import type { HealthCheck } from '../model/backend.js'

const HOSTNAME = /^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/

/** Header fields that frame a message, or that decide what happens to its connection. */
const FRAMING = /^(connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i

/** A value of a header field. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** The field `healthCheck` of a backend. */
export const HEALTH_CHECK = object<HealthCheck>(
  {
    type: 'HealthCheck',
    meaning: 'How the health of a server is checked. Source: Traefik 1.7 `healthCheck`, with further fields.',
    rules: {
      anyOf: [{ required: ['path'] }, { properties: { scheme: { const: 'tcp' } }, required: ['scheme'] }],
    },
    check: ({ path, scheme }) => {
      if (scheme === 'tcp' || (typeof path === 'string' && path !== '')) return undefined
      const message = `expected a path like /health, or scheme "tcp", found ${describeValue(path)}`
      return [{ code: 'MISSING_FIELD', message, below: '.path' }]
    },
  },
  {
    path: text({
      meaning:
        "The path that the check asks for by GET, such as `/health`. Required, except with `scheme: 'tcp'`.",
      format: /^\/[\x21-\x7e]*$/,
      check: (path) => {
        if (!/^[\x21-\x7e]+$/.test(path))
          return `has a character that must be percent-encoded: ${quote(path)}`
        if (path.startsWith('/')) return undefined
        const message = `expected a path like /health, or scheme "tcp", found ${describeValue(path)}`
        return [{ code: 'MISSING_FIELD', message }]
      },
    }),
    scheme: choice({
      meaning: 'With `tcp`, a server is healthy if it accepts a connection.',
      of: ['http', 'https', 'tcp'],
      defaultMeaning: "the scheme of the server's URL",
    }),
    port: number({
      meaning: 'The port to connect to.',
      defaultMeaning: "the port of the server's URL",
      isWhole: true,
      least: 1,
      most: 65_535,
      expected: 'a port from 1 to 65535',
    }),
    hostname: text({
      meaning: 'The `Host` that the check sends.',
      defaultMeaning: "the host of the server's URL",
      isName: true,
      pattern: HOSTNAME,
      expected: 'a host with or without a port',
    }),
    headers: named({
      meaning: 'Further headers that the check sends, by name.',
      defaultMeaning: 'none',
      names: TOKEN,
      of: text({ meaning: 'The value of the header.', isSecret: true, format: HEADER_VALUE }),
      check: (name, value: string | undefined) => {
        if (FRAMING.test(name)) return 'belongs to the connection and cannot be set'
        const isHeader = TOKEN.test(name) && HEADER_VALUE.test(value ?? '')
        return isHeader ? undefined : 'is not a valid header field (RFC 9110, 5.5)'
      },
    }),
    interval: duration({
      meaning: 'The time between two checks, varied by up to a tenth. The first is made at once.',
      default: '30s',
    }),
    timeout: duration({ meaning: 'The time that one check may take.', default: '5s' }),
    status: text({
      meaning: 'The statuses of a healthy server: single ones and ranges, such as `"200,204"`.',
      default: '200-399',
      traefik: false,
      takesNumbers: true,
      format: /^\s*\d{3}(-\d{3})?\s*(,\s*\d{3}(-\d{3})?\s*)*$/,
      check: (statuses) =>
        statuses.split(',').every(isStatusRange)
          ? undefined
          : `expected statuses, like "200-399" or "200,204", found ${quote(statuses)}`,
    }),
    body: text({
      meaning: 'A text that the first 64 KiB of the body must contain.',
      defaultMeaning: 'none',
      traefik: false,
    }),
    unhealthyThreshold: count({
      unit: 'checks',
      meaning: 'The number of consecutive failed checks after which a server is out of rotation.',
      default: 1,
      traefik: false,
    }),
    healthyThreshold: count({
      unit: 'checks',
      meaning: 'The number of consecutive successful checks after which a server is back in rotation.',
      default: 1,
      traefik: false,
    }),
  },
)

function isStatusRange(part: string): boolean {
  const [, from, to = from] = /^\s*(\d{3})(?:-(\d{3}))?\s*$/.exec(part) ?? []
  return from !== undefined && Number(from) <= Number(to)
}
