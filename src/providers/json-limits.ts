/** Limits on the content of a JSON text. They bound the memory that the parsed objects take. */
export interface JsonLimits {
  /** The deepest nesting of objects and arrays. */
  readonly maxDepth: number
  /** The largest number of values: objects, arrays, and their entries. */
  readonly maxValues: number
}

/** Default limits of a configuration document in any format. A valid document has tables nested at most 8 deep. */
export const DOCUMENT_LIMITS: JsonLimits = { maxDepth: 32, maxValues: 5_000_000 }

/** The largest size of a document by default, in bytes: 64 MiB. It is the default of the option `maxBytes` of every provider. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Counts the values and the nesting of a JSON text while its bytes arrive, and compares them with limits. The count must come
 * before the parser: a few megabytes of brackets would become gigabytes of objects. It finds no syntax errors; only the parser
 * decides whether the text is JSON.
 */
export class JsonCount {
  readonly #limits: JsonLimits
  #depth = 0
  #values = 0
  #inText = false
  #escaped = false

  constructor(limits: JsonLimits) {
    this.#limits = limits
  }

  /**
   * Counts the values and the nesting in the next bytes of the JSON text.
   *
   * @returns a description of the limit that is exceeded; undefined if none is
   */
  take(bytes: Uint8Array): string | undefined {
    const { maxDepth, maxValues } = this.#limits
    for (const byte of bytes) {
      if (this.#inText) this.#takeTextByte(byte)
      else this.#takeStructure(byte)
      if (this.#depth > maxDepth) return `nested more than ${maxDepth} deep`
    }
    return this.#values > maxValues ? `more than ${maxValues} values` : undefined
  }

  /**
   * Counts the values and the nesting of a whole JSON text. It may treat each character like a byte, because no character outside
   * ASCII is part of JSON's structure.
   *
   * @returns a description of the limit that is exceeded; undefined if none is
   */
  takeText(text: string): string | undefined {
    const { maxDepth, maxValues } = this.#limits
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (this.#inText) this.#takeTextByte(code)
      else this.#takeStructure(code)
      if (this.#depth > maxDepth) return `nested more than ${maxDepth} deep`
    }
    return this.#values > maxValues ? `more than ${maxValues} values` : undefined
  }

  #takeTextByte(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#inText = false
  }

  #takeStructure(byte: number): void {
    if (byte === QUOTE) this.#inText = true
    else if (byte === COMMA) this.#values += 1
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      this.#depth += 1
      this.#values += 1
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.#depth -= 1
  }
}
