/** Emits a warning of the process if a log cannot be written. It warns once, and again only after the log has recovered. */
export class LogWarning {
  readonly #log: string
  #isTold = false

  /** @param log the log in words, such as "the access log" */
  constructor(log: string) {
    this.#log = log
  }

  tell(what: string): void {
    if (this.#isTold) return
    this.#isTold = true
    process.emitWarning(`${this.#log} ${what}`, 'SwitchoverLogWarning')
  }

  isOver(): void {
    this.#isTold = false
  }
}
