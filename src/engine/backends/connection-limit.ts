import type { MaxConn } from '../../model/config.js'
import { ProxyError } from '../../model/errors.js'
import type { RequestFacts } from '../../model/request-facts.js'

/**
 * Limits the number of requests with the same key that are under way at a backend. The key is the client's address, the host name
 * that the request is for, or the value of a header. Source: Traefik 1.7 `maxConn`.
 */
export class ConnectionLimit {
  readonly #amount: number
  readonly #key: string
  readonly #keyOf: (facts: RequestFacts) => string
  readonly #underWay = new Map<string, number>()

  constructor({ amount, extractorFunc = 'request.host' }: MaxConn) {
    this.#amount = amount
    this.#key = extractorFunc
    this.#keyOf = keyReader(extractorFunc)
  }

  /**
   * Counts a request that begins.
   *
   * @returns a function to call once when the request has ended
   * @throws ProxyError `PROXY_TOO_MANY_REQUESTS` if the limit for the request's key is reached
   */
  enter(facts: RequestFacts): () => void {
    const key = this.#keyOf(facts)
    const before = this.#underWay.get(key) ?? 0
    if (before >= this.#amount) {
      const message = `as many requests of one ${this.#key} are under way as maxConn.amount allows: ${this.#amount}`
      throw new ProxyError('PROXY_TOO_MANY_REQUESTS', message)
    }
    this.#underWay.set(key, before + 1)
    return () => {
      const left = (this.#underWay.get(key) ?? 1) - 1
      if (left > 0) this.#underWay.set(key, left)
      else this.#underWay.delete(key)
    }
  }
}

/** Returns the function that reads the key of a request. Validation of the document has checked the text `extractorFunc`. */
function keyReader(extractorFunc: string): (facts: RequestFacts) => string {
  // For a client without a known address, the peer address is the key. Otherwise all such clients of all peers would share one
  // count.
  if (extractorFunc === 'client.ip')
    return ({ clientAddress, peerAddress }) => clientAddress || (peerAddress ?? '')
  const [, name] = /^request\.header\.(.+)$/.exec(extractorFunc) ?? []
  if (name === undefined) return ({ host }) => host
  const header = name.toLowerCase()
  return ({ headers }) => String(headers[header] ?? '')
}
