import { pathOf } from '../base/messages.js'
import { nullRecord, present } from '../base/records.js'
import { runAtOnce } from '../base/run-steps.js'
import type { Backend, Frontend, ProviderConfig } from '../model/config.js'
import type { Issue } from '../model/errors.js'
import { DocumentChecker, type ValidateOptions } from './document-checker.js'
import { DOCUMENT } from './document-shapes.js'
import { FieldChecker } from './field-checker.js'
import { unsupportedPolicy } from './unsupported-fields.js'

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
  const document = new FieldChecker(unsupportedPolicy(options.unsupportedFields))
  const checker = new DocumentChecker(options, document)
  const fields = document.object(value, '', DOCUMENT)
  if (!fields) return { ok: false, issues: document.issues }

  const checkedBackends = nullRecord<Backend>()
  for (const entry of document.names(fields['backends'], 'backends')) {
    if (entry) checkedBackends[entry[0]] = checker.backend(entry[1], pathOf('backends', entry[0]))
    yield
  }
  const checkedFrontends = nullRecord<Frontend>()
  for (const entry of document.names(fields['frontends'], 'frontends')) {
    const [name, frontend] = entry ?? []
    if (name !== undefined)
      checkedFrontends[name] = checker.frontend(frontend, pathOf('frontends', name), checkedBackends)
    yield
  }
  const config: ProviderConfig = {
    ...present({
      version: document.label(fields['version'], 'version'),
      prefix: document.label(fields['prefix'], 'prefix'),
    }),
    frontends: checkedFrontends,
    backends: checkedBackends,
  }
  const { issues, warnings } = document
  return issues.length > 0 ? { ok: false, issues } : { ok: true, config, warnings }
}
