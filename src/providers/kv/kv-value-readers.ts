/**
 * Functions that read the values of some fields, by the field's name. Every value in a store is a text, but in a document these
 * fields are numbers, booleans or lists. The values of all other fields stay texts.
 * Source: Traefik 1.7's KV template.
 */
export const KV_VALUE_READERS: Readonly<Record<string, (text: string) => unknown>> = {
  priority: numberOf,
  weight: numberOf,
  maxRequestBodyBytes: numberOf,
  port: numberOf,
  unhealthyThreshold: numberOf,
  healthyThreshold: numberOf,
  consecutiveFailures: numberOf,
  failureShare: numberOf,
  minimumRequests: numberOf,
  maxEjectedShare: numberOf,
  amount: numberOf,
  size: numberOf,
  maxConnections: numberOf,
  passHostHeader: flagOf,
  useXForwardedFor: flagOf,
  sticky: flagOf,
  secure: flagOf,
  httpOnly: flagOf,
  entryPoints: listOf,
  sourceRange: listOf,
}

/** Returns the number in a text. A text without a number is returned as it is, and validation refuses it. */
function numberOf(text: string): unknown {
  return /^\s*[+-]?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text
}

/** Returns the boolean in a text, in the spellings that Go's `strconv.ParseBool` takes, because Traefik uses it. */
export function flagOf(text: string): unknown {
  const word = text.trim()
  if (/^(1|t|T|true|TRUE|True)$/.test(word)) return true
  return /^(0|f|F|false|FALSE|False)$/.test(word) ? false : text
}

/** Returns whether a value switches its field off: an empty text, or a boolean that is false. */
export function isOff(text: string): boolean {
  return text.trim() === '' || flagOf(text) === false
}

/** Returns the items of a list that is written in one value, with commas. */
export function listOf(text: string): unknown {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
