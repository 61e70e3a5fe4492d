import { named, text } from '../base/schema.js'

/** The greatest number of labels of one entry. Each line of the access log has them all. */
const MAX_LABELS = 64

/** The field `metadata` of a document, frontend, backend or server. */
export const METADATA = named({
  meaning:
    'Labels by name. Hooks, matchers, strategies, events, logs and the status API show them. The proxy never interprets them.',
  traefik: false,
  most: MAX_LABELS,
  of: text({ meaning: 'The text of the label.', isName: true }),
})
