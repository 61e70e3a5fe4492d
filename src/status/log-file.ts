import { once } from 'node:events'
import type { SonicBoom } from 'sonic-boom'

/** Bytes that are gathered before they are written, or for how long, in milliseconds. */
const GATHERED = 32 * 1024
const GATHERED_MS = 1_000
/** What may wait for a disk that does not take it; more is left out, and said. */
const MAX_WAITING = 16 * 1024 * 1024

/** A file that lines are added to. A disk that takes nothing is told of once, by a warning of the process, and harms no request. */
export class LogFile {
  readonly #path: string
  #file: SonicBoom | undefined
  #isTroubled = false

  constructor(path: string) {
    this.#path = path
  }

  /** @throws what node says, if it cannot be opened */
  async open(): Promise<void> {
    const { SonicBoom: File } = (await import('sonic-boom')).default as unknown as {
      SonicBoom: typeof SonicBoom
    }
    const file = new File({
      dest: this.#path,
      minLength: GATHERED,
      maxWrite: 2 * GATHERED,
      maxLength: MAX_WAITING,
      periodicFlush: GATHERED_MS,
      mkdir: true,
      sync: false,
    })
    await once(file, 'ready')
    file.on('error', (error) => this.#warn(`cannot be written: ${error.message}`))
    file.on('drop', () => this.#warn('cannot be written as fast as requests end; lines are left out'))
    file.on('drain', () => {
      this.#isTroubled = false
    })
    this.#file = file
  }

  write(line: string): void {
    this.#file?.write(line)
  }

  reopen(): void {
    this.#file?.reopen()
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    if (!file) return
    file.end()
    await Promise.race([once(file, 'close'), once(file, 'error')]).catch(() => {})
  }

  #warn(what: string): void {
    if (this.#isTroubled) return
    this.#isTroubled = true
    process.emitWarning(`the log ${this.#path} ${what}`, 'SwitchoverLogWarning')
  }
}
