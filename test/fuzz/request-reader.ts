/** Finds the requests on a connection to a server, whatever has come of them: heads as they come, bodies left out. */
export class RequestReader {
  #unread = ''
  /** Bytes of a body, or `chunked`, that come before the next head. */
  #body: number | 'chunked' = 0

  /** @returns the next head that is whole, with what follows it if it asks for another protocol */
  next(): { head: string; upgrade: boolean } | undefined {
    if (!this.#skipBody()) return undefined
    const end = this.#unread.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const head = this.#unread.slice(0, end)
    this.#unread = this.#unread.slice(end + 4)
    const length = /^content-length: *(\d+)$/im.exec(head)?.[1]
    this.#body = /^transfer-encoding:/im.test(head) ? 'chunked' : Number(length ?? 0)
    return { head, upgrade: /^upgrade:/im.test(head) }
  }

  push(text: string): this {
    this.#unread += text
    return this
  }

  /** All that has not been understood yet. */
  rest(): string {
    const rest = this.#unread
    this.#unread = ''
    return rest
  }

  /** @returns whether all of it has come */
  #skipBody(): boolean {
    while (this.#body === 'chunked') {
      const line = /^([0-9a-f]+)\r\n/i.exec(this.#unread)
      if (!line) return false
      const size = Number.parseInt(line[1] as string, 16)
      const length = line[0].length + size + 2
      if (this.#unread.length < length) return false
      this.#unread = this.#unread.slice(length)
      if (size === 0) this.#body = 0
    }
    const skipped = Math.min(this.#body, this.#unread.length)
    this.#body -= skipped
    this.#unread = this.#unread.slice(skipped)
    return this.#body === 0
  }
}
