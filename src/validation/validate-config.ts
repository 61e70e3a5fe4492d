import { strategyTable } from '../balancing/strategies.js'
import type { Field, NamedField } from '../base/field-kinds.js'
import { pathOf } from '../base/messages.js'
import { nullRecord, present } from '../base/records.js'
import { runAtOnce } from '../base/run-steps.js'
import type { Backend, Frontend, ProviderConfig } from '../model/config.js'
import type { Issue } from '../model/errors.js'
import { matcherTable } from '../rules/matchers.js'
import { BACKEND } from './backend-schema.js'
import type { DocumentHost } from './document-host.js'
import { DOCUMENT } from './document-schema.js'
import { frontendSchema } from './own-middlewares.js'
import { SchemaReader } from './schema-reader.js'
import { unsupportedPolicy } from './unsupported-fields.js'
import type { ValidateOptions } from './validate-options.js'

/**
 * The result of a validation: a checked copy of the document, or a list of everything that is wrong with it. `warnings` lists
 * fields that were left out, because the proxy does not support them yet.
 *
 * @example
 * ```ts
 * const checked = validateConfig(document)
 * const config: ProviderConfig | undefined = checked.ok ? checked.config : undefined
 * ```
 */
export type Validation =
  | { readonly ok: true; readonly config: ProviderConfig; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] }

/**
 * Checks a document of any shape: types, names, unknown fields, URLs, weights, rules and address ranges. It also checks that the
 * backend of each frontend exists, unless `@provider` in its name says that it is another provider's backend. It never throws
 * because of the document's content.
 *
 * @param document the document, for example from `JSON.parse`
 * @param options additional matchers and strategies that the document may use, and what happens to unsupported fields
 * @throws ProxyError `PROXY_OPTION_INVALID` if `unsupportedFields` names a path that is not a field, or a field that is supported
 * @throws ProxyError `PROXY_OPTION_INVALID` if the name of a supplied matcher or strategy is taken or malformed
 * @example
 * ```ts
 * const checked = validateConfig(JSON.parse(text))
 * if (checked.ok) await provider.update(checked.config)
 * else for (const { path, message } of checked.issues) console.error(`${path}: ${message}`)
 * ```
 */
export function validateConfig(document: unknown, options: ValidateOptions = {}): Validation {
  return runAtOnce(validateConfigSteps(document, options))
}

/**
 * Validates a document as `validateConfig` does, in one step for each frontend and backend. The caller can serve requests between
 * steps.
 */
export function* validateConfigSteps(
  value: unknown,
  options: ValidateOptions = {},
): Generator<void, Validation> {
  const known = nullRecord<Backend>()
  const host: DocumentHost = {
    matchers: matcherTable(options),
    strategies: strategyTable(options.strategies),
    backends: known,
  }
  const reader = new SchemaReader(host, unsupportedPolicy(options.unsupportedFields))
  const fields = reader.fields(DOCUMENT, value, '')
  if (!fields) return { ok: false, issues: reader.issues }

  yield* readEach(reader, BACKEND, fields, 'backends', known)
  const frontends = nullRecord<Frontend>()
  yield* readEach(reader, frontendSchema(options.middlewares), fields, 'frontends', frontends)
  const config = { ...readAbout(reader, fields), frontends, backends: known }
  const { issues, warnings } = reader
  return issues.length > 0 ? { ok: false, issues } : { ok: true, config, warnings }
}

/** Reads what a document says of itself: every field but `frontends` and `backends`. `$schema` is for editors and is left out. */
function readAbout(
  reader: SchemaReader,
  fields: Readonly<Record<string, unknown>>,
): Omit<ProviderConfig, 'frontends' | 'backends'> {
  const about: Record<string, unknown> = {}
  for (const [name, field] of DOCUMENT.entries)
    if (name !== 'frontends' && name !== 'backends') about[name] = reader.read(field, fields[name], name)
  delete about['$schema']
  return present(about)
}

/** Reads the entries of `frontends` or `backends`, a step each. */
function* readEach<T>(
  reader: SchemaReader,
  field: Field,
  fields: Readonly<Record<string, unknown>>,
  kind: 'frontends' | 'backends',
  copies: Record<string, T>,
): Generator<void, void> {
  const value = fields[kind]
  if (value === undefined || value === null) {
    reader.read(DOCUMENT.fields[kind] as Field, value, kind)
    return
  }
  for (const entry of reader.names(DOCUMENT.fields[kind] as NamedField, value, kind)) {
    if (entry) {
      const [name, one] = entry
      copies[name] = reader.readValue(field, one, pathOf(kind, name)) as T
    }
    yield
  }
}
