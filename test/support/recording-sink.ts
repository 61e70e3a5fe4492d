import type { ConfigSink, Delivery, DeliveryNotes, ProviderConfig, ProxyError } from 'switchover'

/** One thing that a provider said. */
export type Said =
  | { readonly what: 'update'; readonly config: ProviderConfig; readonly about: DeliveryNotes | undefined }
  | { readonly what: 'reject'; readonly error: ProxyError; readonly version: string | undefined }
  | { readonly what: 'unavailable'; readonly error: Error }
  | { readonly what: 'recovered' }

type SaidAs<W extends Said['what']> = Extract<Said, { what: W }>

/** Takes down all that a provider says, in order, and answers deliveries as it is told to. */
export class RecordingSink implements ConfigSink {
  readonly said: Said[] = []
  /** What a delivery comes to; every one is live at first. */
  answer: (config: ProviderConfig) => Delivery | Promise<Delivery> = () => ({
    state: 'live',
    generation: this.of('update').length,
  })
  readonly #waiting = new Set<() => void>()

  async update(config: ProviderConfig, about?: DeliveryNotes): Promise<Delivery> {
    this.#note({ what: 'update', config, about })
    return this.answer(config)
  }

  reject(error: ProxyError, about?: { readonly version?: string }): void {
    this.#note({ what: 'reject', error, version: about?.version })
  }

  unavailable(error: Error): void {
    this.#note({ what: 'unavailable', error })
  }

  recovered(): void {
    this.#note({ what: 'recovered' })
  }

  of<W extends Said['what']>(what: W): SaidAs<W>[] {
    return this.said.filter((said): said is SaidAs<W> => said.what === what)
  }

  /** The labels of all that was delivered, in order. */
  get versions(): (string | undefined)[] {
    return this.of('update').map(({ config }) => config.version)
  }

  /** Whether the provider's last word on its source is that it cannot be reached. */
  get isUnavailable(): boolean {
    return (
      this.said.findLast(({ what }) => what === 'unavailable' || what === 'recovered')?.what === 'unavailable'
    )
  }

  /** How often the source went from answering to not answering. A trouble told again is the same outage. */
  get outages(): number {
    let troubled = false
    let count = 0
    for (const { what } of this.said) {
      if (what === 'recovered') troubled = false
      if (what === 'unavailable' && !troubled) {
        troubled = true
        count += 1
      }
    }
    return count
  }

  /** Resolves once `holds` does, which is looked at whenever the provider says something. */
  until(what: string, holds: (sink: this) => boolean, limitMs = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!holds(this)) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`not within ${limitMs} ms: ${what}. Said so far: ${this.#summary()}`))
      }, limitMs)
      this.#waiting.add(look)
      look()
    })
  }

  #note(said: Said): void {
    this.said.push(said)
    for (const look of [...this.#waiting]) look()
  }

  #summary(): string {
    const lines = this.said.map((said) => {
      if (said.what === 'update') return `update ${said.config.version}`
      return said.what === 'recovered' ? said.what : `${said.what} (${said.error.message})`
    })
    return lines.slice(-20).join(', ') || 'nothing'
  }
}
