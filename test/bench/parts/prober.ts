import { sharedNow } from './clock.js'
import { type Asked, versionOf } from './marked-documents.js'
import { RawConnection, requestText } from './raw-connection.js'

/** Asks over one keep-alive connection, again as soon as it was answered, and says when an answer is of a version. */
export class Prober {
  failed = 0
  mixed = 0
  closed = 0
  readonly examples: string[] = []
  readonly #asked: Asked
  readonly #servers: number
  readonly #pauseMs: number
  readonly #port: number
  #connection: RawConnection
  #running = true
  #awaited: { version: number; resolve: (at: number) => void } | undefined
  version: number | undefined

  /** @param pauseMs between an answer and the next question */
  constructor(
    port: number,
    { host, servers, pauseMs = 0 }: { host: string; servers: number; pauseMs?: number },
  ) {
    this.#port = port
    this.#asked = { host, path: '/probe', payload: '' }
    this.#servers = servers
    this.#pauseMs = pauseMs
    this.#connection = this.#connect()
    this.#ask()
  }

  /** When the first answer of this version has come, by the shared clock. Rejects if that takes a minute. */
  seen(version: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(
          new Error(
            `no answer of v${version} within 60 s; the last was of v${this.version}. ${this.examples}`,
          ),
        )
      }, 60_000)
      const done = (at: number) => {
        clearTimeout(limit)
        resolve(at)
      }
      this.#awaited = { version, resolve: done }
    })
  }

  stop(): void {
    this.#running = false
    this.#connection.end()
  }

  #connect(): RawConnection {
    return new RawConnection(this.#port, () => {
      this.closed += 1
      this.#connection = this.#connect()
    })
  }

  #ask(): void {
    this.#connection.ask(requestText(this.#asked), (answer) => {
      if (!this.#running) return
      const version = typeof answer === 'string' ? answer : versionOf(answer, this.#asked, this.#servers)
      if (typeof version === 'string') this.#complain(version)
      else this.version = version
      if (this.#awaited && version === this.#awaited.version) {
        this.#awaited.resolve(sharedNow())
        this.#awaited = undefined
      }
      if (this.#pauseMs > 0 || typeof answer === 'string') setTimeout(() => this.#ask(), this.#pauseMs)
      else this.#ask()
    })
  }

  #complain(complaint: string): void {
    if (complaint.startsWith('mixed')) this.mixed += 1
    else this.failed += 1
    if (this.examples.length < 5) this.examples.push(complaint)
  }
}
