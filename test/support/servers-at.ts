import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Closed with the test that started it. */
export async function listenAt<S extends Server>(server: S, host: string, port = 0): Promise<S> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return server
}

export const portOf = (server: Server) => (server.address() as AddressInfo).port

/** Servers on one port, each at an address of its own; by default they say where they are. */
export async function startAt(
  hosts: readonly string[],
  answer: (host: string) => RequestListener = (host) => (_req, res) => void res.end(host),
): Promise<number> {
  const [first = '', ...others] = hosts
  const port = portOf(await listenAt(createServer(answer(first)), first))
  for (const host of others) await listenAt(createServer(answer(host)), host, port)
  return port
}
