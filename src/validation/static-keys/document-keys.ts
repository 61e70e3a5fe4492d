import { CONSTRAINTS } from './shared-texts.js'
import { duration, keysOf, list, path, refused, secrets, text } from './static-key.js'

/** The keys about the documents of all providers. */
export const DOCUMENT_KEYS = keysOf(
  'Documents of all providers',
  { reload: 'restart' },
  {
    providersThrottleDuration: duration(
      'throttleMs of every provider',
      'The least time between two documents that the proxy accepts from a provider. Traefik: default `"2s"`.',
      { default: '0s', reload: 'applied' },
    ),
    lastGood: path(
      'options.lastGood',
      "A file that keeps each provider's last good document, for a start while its source is down.",
      { traefik: false },
    ),
    unsupportedFields: text(
      'options.unsupportedFields',
      '`warn` accepts documents without the fields that are not supported yet, except [what guards](configuration.md#what-guards).',
      { default: 'refuse', traefik: false },
    ),
    'unsupportedFields.warn': list(
      'options.unsupportedFields.warn',
      'Paths of fields that are left out, guards included: `["frontends.*.auth"]`. The list takes the place of the word.',
      { traefik: false },
    ),
    stickySecret: secrets(
      'options.stickySecret',
      'Makes the values of [sticky cookies](configuration.md#stickiness) HMACs. One text or a list; the first makes cookies.',
      { traefik: false },
    ),
    constraints: refused(...CONSTRAINTS),
  },
)
