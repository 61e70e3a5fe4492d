/** How large a JSON text may be once it is parsed. */
export interface JsonLimits {
  /** Objects and arrays within each other. */
  readonly maxDepth: number
  /** Objects, arrays, and what is in them. */
  readonly maxValues: number
}

/** Of a document, whatever it is written in, unless a provider says otherwise. A document needs 8 tables within each other. */
export const DOCUMENT_LIMITS: JsonLimits = { maxDepth: 32, maxValues: 5_000_000 }

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

  /** Takes the next bytes. @returns what is too much, if anything is */
  take(bytes: Uint8Array): string | undefined {
    const { maxDepth, maxValues } = this.#limits
    for (const byte of bytes) {
      if (this.#inText) this.#takeTextByte(byte)
      else this.#takeStructure(byte)
      if (this.#depth > maxDepth) return `nested more than ${maxDepth} deep`
    }
    return this.#values > maxValues ? `more than ${maxValues} values` : undefined
  }

  /** Takes a whole text, of which each character counts as its byte would: those outside of ASCII mean nothing. */
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
