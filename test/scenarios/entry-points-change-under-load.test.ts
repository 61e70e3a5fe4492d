import { Agent, createServer } from 'node:http'
import { createProxy, type ReverseProxy } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { listening } from '../support/listening.js'
import { routeTo, startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const CLIENTS = 8
const MOVES = 20

/** Clients with a keep-alive connection each, which go where the entry point is. What fails is never tried again. */
class Clients {
  readonly failures: string[] = []
  answered = 0
  port: number
  #running = true
  readonly #loops: Promise<void>[]

  constructor(port: number) {
    this.port = port
    this.#loops = Array.from({ length: CLIENTS }, (_, client) => this.#loop(client))
  }

  async #loop(client: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (this.#running) {
      const { port } = this
      try {
        const [method, body] = client % 2 === 0 ? ['GET', ''] : ['POST', 'x'.repeat(20_000)]
        const answer = await httpGet({ port, agent, method, body })
        if (answer.status !== 200) this.failures.push(`${answer.status} ${answer.body}`)
        this.answered += 1
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // The client had not heard of the move yet. Nothing of its request was sent.
        if (code !== 'ECONNREFUSED' || port === this.port) this.failures.push(String(error))
      }
    }
    agent.destroy()
  }

  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#loops)
  }

  /** Resolves when so many more requests were answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count
    await eventually(() => this.answered >= goal || this.failures.length > 0, `${count} more answers`)
  }
}

async function start(): Promise<ReverseProxy> {
  const server = await startServer((req, res) => {
    req.resume()
    req.on('end', () => setImmediate(() => res.end('ok')))
  })
  const proxy = createProxy({ config: routeTo(server), entryPoints: { web: { address: '127.0.0.1:0' } } })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  return proxy
}

describe('an entry point under load', () => {
  it(`moves ${MOVES} times without a failed request`, { timeout: 120_000 }, async () => {
    const proxy = await start()
    const { port } = await proxy.listen('web')
    await proxy.ready()
    const clients = new Clients(port)
    for (let move = 1; move <= MOVES; move += 1) {
      await clients.more(100)
      const bound = await proxy.setEntryPoints({
        web: { address: `127.0.0.1:${move % 2 === 0 ? '0' : '00'}` },
      })
      expect(bound['web']?.port).not.toBe(clients.port)
      clients.port = bound['web']?.port ?? 0
    }
    await clients.more(100)
    await clients.stop()
    expect(clients.failures).toEqual([])
  })

  it('is renamed, and gets neighbours that come and go, without a failed or refused request', async () => {
    const proxy = await start()
    const { port } = await proxy.listen('web')
    await proxy.ready()
    const clients = new Clients(port)
    const address = `127.0.0.1:${port}`
    for (let change = 0; change < MOVES; change += 1) {
      await clients.more(20)
      const other = { address: `127.0.0.${2 + (change % 3)}:0` }
      const limits = { headBytes: 10_000 + change }
      const names = [`web${change}`, `other${change % 2}`]
      const table = Object.fromEntries([
        [names[0], { address, limits }],
        [names[1], other],
      ])
      const bound = await proxy.setEntryPoints(table, { listen: names as string[] })
      expect(bound[`web${change}`]?.port).toBe(port)
    }
    await clients.more(20)
    await clients.stop()
    expect(clients.failures).toEqual([])
  })

  it('stays as it is through changes that fail', async () => {
    const taken = await listening(createServer())
    const proxy = await start()
    const { port } = await proxy.listen('web')
    await proxy.ready()
    const clients = new Clients(port)
    for (let change = 0; change < MOVES; change += 1) {
      await clients.more(20)
      const table = { web: { address: '127.0.0.1:00' }, taken: { address: `127.0.0.1:${taken}` } }
      await expect(proxy.setEntryPoints(table, { listen: ['web', 'taken'] })).rejects.toThrow('EADDRINUSE')
    }
    await clients.more(20)
    await clients.stop()
    expect(clients.failures).toEqual([])
  })
})
