/** Emits a process warning if a log cannot be written. Further failures emit no warning until the log has recovered. */
export class LogWarning {
  readonly #log: string
  #isTold = false

  /** Creates the warnings for one log. @param log the name of the log in words, such as "the access log" */
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
