import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ProviderConfig } from 'switchover'
import type { Answer } from './http-get.js'

/** What a versioned server says of a request. */
interface Echo {
  readonly server: number
  readonly path: string
  readonly host: string
}

export const HOST = 'www.baidu.com'

/**
 * Configurations whose parts all carry their version, so that an answer made of two versions shows. Every version
 * uses the same names with different servers, the case in which a mixture is easiest. The server marks the answer
 * with its own version and with the path that its backend prepends; the frontend marks it by `passHostHeader`, which
 * is true in odd versions and false in even ones, so that neighbours always differ.
 */
export class VersionedServers {
  readonly #servers: { version: number; server: Server }[] = []

  /** The document of a version, with a server of its own that is started for it. */
  async document(version: number): Promise<ProviderConfig> {
    const server = createServer((req, res) => {
      req.resume()
      const echo: Echo = { server: version, path: req.url ?? '', host: req.headers.host ?? '' }
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(JSON.stringify(echo))
    })
    // Longer than any pool keeps a connection: an idle one must not be closed under a request.
    server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#servers.push({ version, server })
    const { port } = server.address() as AddressInfo
    return {
      frontends: { web: { backend: 'web', rule: `Host:${HOST}`, passHostHeader: version % 2 === 1 } },
      backends: { web: { servers: { only: { url: `http://127.0.0.1:${port}/v${version}` } } } },
    }
  }

  async close(): Promise<void> {
    for (const { server } of this.#servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** The one version that made an answer, or what is wrong with it. */
export function versionOf({ status, body }: Answer): number | string {
  if (status !== 200) return `status ${status}: ${body.trim()}`
  const { server, path, host } = JSON.parse(body) as Echo
  const ofFrontend = host === HOST ? 1 : 0
  if (!path.startsWith(`/v${server}/`)) return `mixed: server ${server}, path ${path}`
  if (server % 2 !== ofFrontend) return `mixed: server ${server}, host ${host}`
  return server
}
