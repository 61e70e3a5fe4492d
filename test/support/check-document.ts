import { nullRecord } from '../../src/base/records.js'
import type { Backend } from '../../src/model/config.js'
import { DocumentChecker, type ValidateOptions } from '../../src/validation/document-checker.js'
import { FieldChecker } from '../../src/validation/field-checker.js'
import { unsupportedPolicy } from '../../src/validation/unsupported-fields.js'

export const BACKENDS: Readonly<Record<string, Backend>> = Object.assign(nullRecord<Backend>(), {
  pool: { servers: {} },
})

export function checkFrontend(value: unknown, options: ValidateOptions = {}) {
  const fields = new FieldChecker(unsupportedPolicy(options.unsupportedFields))
  const checker = new DocumentChecker(options, fields)
  const frontend = checker.frontend(value, 'frontends.web', BACKENDS)
  return { frontend, issues: fields.issues, warnings: fields.warnings }
}

export function checkBackend(value: unknown, options: ValidateOptions = {}) {
  const fields = new FieldChecker(unsupportedPolicy(options.unsupportedFields))
  const checker = new DocumentChecker(options, fields)
  const backend = checker.backend(value, 'backends.pool')
  return { backend, issues: fields.issues, warnings: fields.warnings }
}

/** A frontend in order, but for the fields given. */
export function frontendWith(fields: object): object {
  return { backend: 'pool', rule: 'Host:a.test', ...fields }
}

export function backendWith(fields: object): object {
  return { servers: { s1: { url: 'http://10.0.0.1:80' } }, ...fields }
}
