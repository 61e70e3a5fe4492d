import { describeValue, pathOf, quote } from '../base/messages.js'
import { nullRecord, present } from '../base/records.js'
import { TOKEN } from '../base/token.js'
import type { HealthCheck } from '../model/config.js'
import { HEALTH_CHECK } from './document-shapes.js'
import { type FieldChecker, isWhole } from './field-checker.js'

const HOSTNAME = /^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i

/** Header fields that frame a message, or that decide what happens to its connection. */
const FRAMING = /^(connection|content-length|expect|keep-alive|te|trailer|transfer-encoding|upgrade)$/i

/** Checks the `healthCheck` field of a backend. It copies what is right and notes what is wrong. */
export function checkHealthCheck(
  checker: FieldChecker,
  value: unknown,
  path: string,
): HealthCheck | undefined {
  if (value === undefined) return undefined
  const fields = checker.object(value, path, HEALTH_CHECK)
  if (!fields) return undefined
  const at = (name: string) => `${path}.${name}`
  const check = present({
    path: checker.text(fields['path'], at('path')),
    scheme: checker.oneOf(fields['scheme'], at('scheme'), ['http', 'https', 'tcp'] as const),
    port: checker.number(fields['port'], at('port'), 'a port from 1 to 65535', (port) =>
      isWhole(port, 1, 65_535),
    ),
    hostname: matching(
      checker,
      fields['hostname'],
      at('hostname'),
      HOSTNAME,
      'a host with or without a port',
    ),
    headers: headersOf(checker, fields['headers'], at('headers')),
    interval: checker.duration(fields['interval'], at('interval')),
    timeout: checker.duration(fields['timeout'], at('timeout')),
    status: statuses(checker, fields['status'], at('status')),
    body: checker.text(fields['body'], at('body')),
    unhealthyThreshold: checker.count(fields['unhealthyThreshold'], at('unhealthyThreshold')),
    healthyThreshold: checker.count(fields['healthyThreshold'], at('healthyThreshold')),
  })
  if (check.path !== undefined && !/^[\x21-\x7e]+$/.test(check.path))
    checker.note(
      at('path'),
      'INVALID_VALUE',
      `has a character that must be percent-encoded: ${quote(check.path)}`,
    )
  else if (check.scheme !== 'tcp' && !check.path?.startsWith('/')) {
    const found = describeValue(fields['path'])
    checker.note(at('path'), 'MISSING_FIELD', `expected a path like /health, or scheme "tcp", found ${found}`)
  }
  return check
}

function matching(
  checker: FieldChecker,
  value: unknown,
  path: string,
  pattern: RegExp,
  expected: string,
): string | undefined {
  const text = checker.label(value, path)
  if (text !== undefined && !pattern.test(text))
    checker.note(path, 'INVALID_VALUE', `expected ${expected}, found ${quote(text)}`)
  return text
}

function headersOf(
  checker: FieldChecker,
  value: unknown,
  path: string,
): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined
  const headers = nullRecord<string>()
  for (const entry of checker.names(value, path)) {
    if (!entry) continue
    const [name, given] = entry
    const text = checker.text(given, pathOf(path, name))
    if (FRAMING.test(name))
      checker.note(pathOf(path, name), 'INVALID_VALUE', 'belongs to the connection and cannot be set')
    else if (text !== undefined && (!TOKEN.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(text)))
      checker.note(pathOf(path, name), 'INVALID_VALUE', 'is not a valid header field (RFC 9110, 5.5)')
    headers[name] = text ?? ''
  }
  return headers
}

function statuses(checker: FieldChecker, value: unknown, path: string): string | undefined {
  const text = typeof value === 'number' ? String(value) : checker.text(value, path)
  const isRange = (part: string) => {
    const [, from, to = from] = /^\s*(\d{3})(?:-(\d{3}))?\s*$/.exec(part) ?? []
    return from !== undefined && Number(from) <= Number(to)
  }
  if (text === undefined || text.split(',').every(isRange)) return text
  checker.note(path, 'INVALID_VALUE', `expected statuses, like "200-399" or "200,204", found ${quote(text)}`)
  return undefined
}
