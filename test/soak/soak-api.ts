import type { ProviderConfig } from 'switchover'
import { type Behaviour, HostileApi, json } from '../support/hostile-api.js'

/** A config API that has a document for each prefix, and can be made to answer with something else. */
export class SoakApi {
  readonly #api: HostileApi
  readonly #documents: ReadonlyMap<string, ProviderConfig>

  private constructor(api: HostileApi, documents: ReadonlyMap<string, ProviderConfig>) {
    this.#api = api
    this.#documents = documents
    this.behave()
  }

  static async start(documents: ReadonlyMap<string, ProviderConfig>): Promise<SoakApi> {
    return new SoakApi(await HostileApi.start(), documents)
  }

  get port(): number {
    return this.#api.port
  }

  behave(): void {
    this.#answerWith((prefix) => prefix)
  }

  /** A lagging replica: whatever prefix it is asked for, it answers for another one. */
  answerForAnother(): void {
    const prefixes = [...this.#documents.keys()]
    this.#answerWith((prefix) => prefixes[(prefixes.indexOf(prefix) + 1) % prefixes.length] ?? prefix)
  }

  misbehave(behaviour: Behaviour): void {
    this.#api.otherwise(behaviour)
  }

  close(): Promise<void> {
    return this.#api.close()
  }

  #answerWith(answered: (prefix: string) => string): void {
    this.#api.otherwise((res, req) => {
      const asked = new URL(req.url ?? '/', 'http://api').searchParams.get('prefix') ?? ''
      // What was asked is not looked at again: over hours it would fill the memory of this process.
      this.#api.asked.length = 0
      const prefix = answered(asked)
      const document = this.#documents.get(prefix)
      if (document) json({ prefix, ...document })(res, req)
      else res.writeHead(404).end()
    })
  }
}
