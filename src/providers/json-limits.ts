/** How large a JSON text may be once it is parsed. */
export interface JsonLimits {
  /** Objects and arrays within each other. */
  readonly maxDepth: number
  /** Objects, arrays, and what is in them. */
  readonly maxValues: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Counts what a JSON text holds while its bytes come in: a few megabytes of brackets would become gigabytes of objects,
 * so it must be known before they are parsed. Whether it is JSON at all is for the parser to say.
 *
 * @returns takes the next bytes, and says what is too much, if anything is
 */
export function countJson({ maxDepth, maxValues }: JsonLimits): (bytes: Uint8Array) => string | undefined {
  let depth = 0
  let values = 0
  let inText = false
  let escaped = false
  return (bytes) => {
    for (const byte of bytes) {
      if (inText) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inText = false
      } else if (byte === QUOTE) inText = true
      else if (byte === COMMA) values += 1
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        depth += 1
        values += 1
        if (depth > maxDepth) return `nested more than ${maxDepth} deep`
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1
    }
    return values > maxValues ? `more than ${maxValues} values` : undefined
  }
}
