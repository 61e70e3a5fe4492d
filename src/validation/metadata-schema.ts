import { named, text } from '../base/schema.js'

/** The field `metadata` of a document, frontend, backend or server. */
export const METADATA = named({
  meaning:
    'Labels by name. Hooks, matchers, strategies, events, logs and the status API show them. The proxy never interprets them.',
  traefik: false,
  of: text({ meaning: 'The text of the label.', isName: true }),
})
