import { Agent } from 'node:http'
import { type Answer, type Ask, httpGet } from './http-get.js'

/**
 * Load from a client that never forgives: a fixed number of keep-alive connections, each asking again as soon as it
 * was answered. Nothing is retried; whatever `judge` complains of, and every error, is kept.
 */
export class StrictLoad {
  readonly failures: string[] = []
  answered = 0
  readonly #agents: Agent[] = []
  readonly #loops: Promise<void>[] = []
  readonly #judge: (answer: Answer, connection: number) => string | undefined
  #running = true

  constructor(judge: (answer: Answer, connection: number) => string | undefined) {
    this.#judge = judge
  }

  start(connections: number, askOf: (connection: number) => Ask): this {
    for (let connection = 0; connection < connections; connection++) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      this.#agents.push(agent)
      this.#loops.push(this.#loop(connection, { ...askOf(connection), agent }))
    }
    return this
  }

  async #loop(connection: number, ask: Ask): Promise<void> {
    while (this.#running) {
      try {
        const answer = await httpGet(ask)
        const complaint = this.#judge(answer, connection)
        if (complaint !== undefined) this.failures.push(`connection ${connection}: ${complaint}`)
        this.answered += 1
      } catch (error) {
        this.failures.push(`connection ${connection}: ${String(error)}`)
      }
    }
  }

  /** Lets every request under way end. */
  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
    for (const agent of this.#agents) agent.destroy()
  }
}
