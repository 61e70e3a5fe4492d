import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { httpGet } from '../support/http-get.js'

/** What is asked of the bystanders. */
export type Order = 'serve' | { readonly port: number; readonly statusPort: number } | 'since'

/** How they fared since they were asked last. Times in milliseconds. */
export interface Fared {
  readonly latencies: readonly number[]
  readonly failures: readonly string[]
}

let latencies: number[] = []
let failures: string[] = []

const PAUSE_MS = 4
/** An answer that takes longer is none. */
const LIMIT_MS = 20_000

/** Asks again and again; whatever is not the right answer is a failure. */
async function ask(path: (nth: number) => Parameters<typeof httpGet>[0], expected: RegExp): Promise<void> {
  for (let nth = 0; ; nth += 1) {
    const begun = performance.now()
    try {
      const { status, body } = await Promise.race([httpGet(path(nth)), tooLate()])
      if (status !== 200 || !expected.test(body)) failures.push(`${status} ${body.slice(0, 80)}`)
    } catch (error) {
      failures.push(String(error))
    }
    latencies.push(performance.now() - begun)
    await delay(PAUSE_MS)
  }
}

async function tooLate(): Promise<never> {
  await delay(LIMIT_MS, undefined, { ref: false })
  throw new Error(`no answer within ${LIMIT_MS} ms`)
}

function begin(port: number, statusPort: number): void {
  const agent = () => new Agent({ keepAlive: true, maxSockets: 1 })
  const [first, second, third] = [agent(), agent(), agent()]
  const at = { port, host: 'good.test' }
  void ask((nth) => ({ ...at, agent: first, path: `/${nth}` }), /^good GET/)
  void ask(() => ({ ...at, agent: second, method: 'POST', body: 'x'.repeat(10_000) }), /^good POST 10000/)
  // A connection for each.
  void ask((nth) => ({ ...at, path: `/${nth}` }), /^good GET/)
  void ask(() => ({ port: statusPort, path: '/ready', agent: third }), /./)
}

/** The server that they ask for. */
const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
  let bytes = 0
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  req.on('end', () => res.end(`good ${req.method} ${bytes}`))
})

process.on('message', (order: Order) => {
  if (order === 'serve') {
    server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  } else if (order === 'since') {
    process.send?.({ latencies, failures } satisfies Fared)
    latencies = []
    failures = []
  } else begin(order.port, order.statusPort)
})
process.on('disconnect', () => process.exit())
