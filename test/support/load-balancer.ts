import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { httpGet } from './http-get.js'

/** How a load balancer stands before a proxy. */
export interface LoadBalancerOptions {
  /** Of the proxy. */
  readonly port: number
  /** Of its status server. */
  readonly status: number
  /** Between two looks at `/ready`. It leaves after so many that were not answered with 200. */
  readonly pollMs: number
  readonly looks: number
  /** Clients with a connection that they keep, and clients that make one for each request. */
  readonly keeping: number
  readonly fresh: number
}

/**
 * A load balancer that is slow to notice: it sends requests until it has seen `/ready` fail so many times. No request is sent a
 * second time, whatever becomes of it.
 */
export class LoadBalancer {
  readonly #options: LoadBalancerOptions
  readonly failures: string[] = []
  /** Requests that were answered with 200. */
  answered = 0
  /** Of those, since `/ready` has said 503 for the first time. */
  answeredWhileUnready = 0
  /** What `/ready` said that was not 200, in order. */
  readonly unready: number[] = []
  #hasLeft = false

  constructor(options: LoadBalancerOptions) {
    this.#options = options
  }

  /** Resolves when it has left, and its last request has its answer. */
  async run(): Promise<void> {
    const { keeping, fresh } = this.#options
    await Promise.all([
      this.#look(),
      ...Array.from({ length: keeping }, (_, client) => this.#ask(client, true)),
      ...Array.from({ length: fresh }, (_, client) => this.#ask(client, false)),
    ])
  }

  async #look(): Promise<void> {
    const { status: port, pollMs, looks } = this.#options
    while (this.unready.length < looks) {
      await delay(pollMs)
      const status = await httpGet({ port, path: '/ready' }).then(
        (answer) => answer.status,
        () => 0,
      )
      if (status !== 200) this.unready.push(status)
    }
    this.#hasLeft = true
  }

  async #ask(client: number, keeps: boolean): Promise<void> {
    const { port } = this.#options
    const agent = keeps ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined
    for (let count = 0; !this.#hasLeft; count++) {
      const how = count % 4 === 0 ? { method: 'POST', body: 'x'.repeat(2_000) } : {}
      const path = `/${client}/${count}`
      const outcome = await httpGet({ port, path, ...how, ...(agent && { agent }) }).then(
        ({ status, body }) => (status === 200 && body.trim() !== '' ? undefined : `${status} ${body}`),
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      )
      if (outcome !== undefined) this.failures.push(`${path}: ${outcome}`)
      else this.answered += 1
      if (outcome === undefined && this.unready.length > 0) this.answeredWhileUnready += 1
      // A proxy that refuses at once would be asked a million times.
      if (outcome !== undefined) await delay(5)
    }
    agent?.destroy()
  }
}
