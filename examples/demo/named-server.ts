import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that answers with its name, so that one sees where a request went. */
export class NamedServer {
  readonly name: string
  readonly #server: Server
  /** How many requests it has answered. */
  served = 0

  private constructor(name: string, headers: Readonly<Record<string, string>>) {
    this.name = name
    this.#server = createServer((req: IncomingMessage, res) => {
      this.served += 1
      req.resume()
      res.writeHead(200, { 'content-type': 'text/plain', 'x-server': name, ...headers })
      res.end(`${name}\n`)
    })
  }

  /** Listens on a free loopback port. */
  static async start(name: string, headers: Readonly<Record<string, string>> = {}): Promise<NamedServer> {
    const server = new NamedServer(name, headers)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
