import { createServer, type Server } from 'node:net'

/**
 * Below the range that Linux gives to outgoing connections: there a client that keeps trying to reach a
 * stopped etcd can be given etcd's own port, connect to itself, and stand in the way of its restart.
 */
const lowest = 15_000
const highest = 29_999

/** Loopback ports that nobody listens on, all different. They may be taken before they are used. */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = []
  const ports: number[] = []
  try {
    for (let tries = 0; ports.length < count; tries++) {
      if (tries > 200) throw new Error(`no free port found between ${lowest} and ${highest}`)
      const port = lowest + Math.floor(Math.random() * (highest - lowest + 1))
      const server = await tryListen(port)
      if (!server) continue
      held.push(server)
      ports.push(port)
    }
    return ports
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function tryListen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
