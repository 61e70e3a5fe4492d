/** Tells that a log cannot be written: by a warning of the process, once, until it can be again. */
export class LogWarning {
  readonly #log: string
  #isTold = false

  /** @param log in words */
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
