import { later, named, object, placedFields, text } from '../base/schema.js'
import { WITHOUT_TLS } from '../base/why-it-guards.js'
import type { ProviderConfig } from '../model/config.js'
import { BACKEND } from './backend-schema.js'
import { FRONTEND } from './frontend-schema.js'
import { METADATA } from './metadata-schema.js'

/** A whole document. Everything that is known of its fields is derived from here. */
export const DOCUMENT = object<ProviderConfig>(
  { type: 'ProviderConfig', meaning: 'A whole configuration, as one provider delivers it.' },
  {
    version: text({
      meaning: 'A label of the document, for people: events and status show it.',
      defaultMeaning: 'none; behind an alias, the alias value',
      traefik: false,
      isOutsideDigest: true,
      isName: true,
    }),
    prefix: text({
      meaning:
        'The prefix that the document claims to stand under. A document from a fetcher is refused if it claims another prefix.',
      traefik: false,
      isOutsideDigest: true,
      isName: true,
    }),
    frontends: named({
      meaning: 'The frontends by name.',
      required: { expected: 'an object with names as keys' },
      of: FRONTEND,
    }),
    backends: named({
      meaning: 'The backends by name.',
      required: { expected: 'an object with names as keys' },
      of: BACKEND,
    }),
    metadata: METADATA,
  },
  {
    $schema: text({
      meaning: 'The JSON Schema of the document, for editors. The proxy ignores it.',
      traefik: false,
      isOutsideDigest: true,
    }),
    tls: later('Certificates.', WITHOUT_TLS),
  },
)

/** The version of this schema. A field that is added in a later one declares it as `since`. */
export const SCHEMA_VERSION = 1

/** The guards of documents: the path of each field that guards, and what happens without it. */
export const GUARDS: ReadonlyMap<string, string> = new Map(
  placedFields(DOCUMENT).flatMap(({ path, field }) =>
    field.guard === undefined ? [] : [[path, field.guard]],
  ),
)
