import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { About, ObjectField } from '../base/field-kinds.js'
import { pathOf } from '../base/messages.js'
import { isRecord, nullRecord } from '../base/records.js'
import { asError, configInvalid } from '../model/errors.js'
import { BACKEND } from './backend-schema.js'
import { DOCUMENT } from './document-schema.js'
import { FRONTEND } from './frontend-schema.js'
import { normalForm } from './normal-form.js'

/** The digests of a document and of its entries: `sha256:` and 64 hexadecimal digits. */
export interface DocumentDigest {
  /** The digest of the document. */
  readonly digest: string
  /** The digest of each frontend, by its name in the document. */
  readonly frontends: Readonly<Record<string, string>>
  /** The digest of each backend, by its name in the document. */
  readonly backends: Readonly<Record<string, string>>
}

/**
 * Computes digests, version 1, as `docs/digest.md` defines them. It yields after each entry so that the caller can pause.
 *
 * @param document a valid one, with its fields as `withFieldCase` spells them
 * @param known digests of entries that were computed before. They are not computed again, and new ones are added.
 * @throws ProxyError `PROXY_CONFIG_INVALID` with the path of an entry whose texts are not well-formed Unicode: RFC 8785 has no
 * form for them
 */
export function* digestDocument(
  document: unknown,
  known: WeakMap<object, string> = new WeakMap(),
): Generator<void, DocumentDigest> {
  const sections = isRecord(document) ? document : {}
  const frontends = yield* digestEntries('frontends', sections, FRONTEND, known)
  const backends = yield* digestEntries('backends', sections, BACKEND, known)
  const digest = digestAt('metadata', () => ({ ...aboutOf(sections), frontends, backends }))
  return { digest, frontends, backends }
}

/** Returns the fields of a document, other than its entries, that count in its digest. */
function aboutOf(document: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const counting = Object.entries(document).filter(([name]) => {
    const field: Partial<About> | undefined = DOCUMENT.fields[name]
    return name !== 'frontends' && name !== 'backends' && !field?.isOutsideDigest
  })
  return normalForm(Object.fromEntries(counting), DOCUMENT) as Readonly<Record<string, unknown>>
}

function* digestEntries(
  section: string,
  sections: Readonly<Record<string, unknown>>,
  object: ObjectField,
  known: WeakMap<object, string>,
): Generator<void, Record<string, string>> {
  const digests = nullRecord<string>()
  const entries = sections[section]
  if (!isRecord(entries)) return digests
  for (const [name, entry] of Object.entries(entries)) {
    const before = known.get(entry as object)
    digests[name] =
      before ??
      digestAt(pathOf(section, name), () => {
        // A name is part of the document's text. It must fail here, where its path is known.
        canonicalize(name)
        return normalForm(entry, object)
      })
    if (isRecord(entry)) known.set(entry, digests[name])
    yield
  }
  return digests
}

/**
 * Returns the digest of plain data: SHA-256 of its text by RFC 8785.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with the path, if RFC 8785 has no form for the data
 */
function digestAt(path: string, data: () => unknown): string {
  try {
    return `sha256:${createHash('sha256')
      .update(canonicalize(data()) as string)
      .digest('hex')}`
  } catch (thrown) {
    const message = `expected what RFC 8785 can write, such as texts of well-formed Unicode: ${asError(thrown).message}`
    throw configInvalid([{ path, code: 'INVALID_VALUE', message }])
  }
}
