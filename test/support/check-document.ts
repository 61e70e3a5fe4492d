import { strategyTable } from '../../src/balancing/strategies.js'
import { nullRecord } from '../../src/base/records.js'
import type { Backend, Frontend } from '../../src/model/config.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { BACKEND } from '../../src/validation/backend-schema.js'
import { FRONTEND } from '../../src/validation/frontend-schema.js'
import { SchemaReader } from '../../src/validation/schema-reader.js'
import { unsupportedPolicy } from '../../src/validation/unsupported-fields.js'
import type { ValidateOptions } from '../../src/validation/validate-options.js'

export const BACKENDS: Readonly<Record<string, Backend>> = Object.assign(nullRecord<Backend>(), {
  pool: { servers: {} },
})

export function readerOf(options: ValidateOptions = {}, backends = BACKENDS): SchemaReader {
  const host = { matchers: matcherTable(options), strategies: strategyTable(options.strategies), backends }
  return new SchemaReader(host, unsupportedPolicy(options.unsupportedFields))
}

export function checkFrontend(value: unknown, options: ValidateOptions = {}) {
  const reader = readerOf(options)
  const frontend = reader.readValue(FRONTEND, value, 'frontends.web') as Frontend
  return { frontend, issues: reader.issues, warnings: reader.warnings }
}

export function checkBackend(value: unknown, options: ValidateOptions = {}) {
  const reader = readerOf(options)
  const backend = reader.readValue(BACKEND, value, 'backends.pool') as Backend
  return { backend, issues: reader.issues, warnings: reader.warnings }
}

/** A frontend in order, but for the fields given. */
export function frontendWith(fields: object): object {
  return { backend: 'pool', rule: 'Host:a.test', ...fields }
}

export function backendWith(fields: object): object {
  return { servers: { s1: { url: 'http://10.0.0.1:80' } }, ...fields }
}
