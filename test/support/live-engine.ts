import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import {
  type Backend,
  type EngineOptions,
  type Frontend,
  type ProviderConfig,
  ProxyEngine,
  type RequestFinished,
} from 'switchover'
import { onTestFinished } from 'vitest'
import { MisbehavingServer } from './misbehaving-server.js'
import { eventually } from './next-event.js'
import { OpenEngine } from './open-engine.js'
import { RawConnection } from './raw-connection.js'

/** A server that lives as long as the test that started it. */
export class TestServer {
  readonly server: Server
  /** Accepted so far. */
  connections = 0
  readonly sockets = new Set<Socket>()

  constructor(listener?: RequestListener) {
    this.server = createServer({ keepAliveTimeout: 60_000 }, listener)
    this.server.on('connection', (socket) => {
      this.connections += 1
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      for (const socket of this.sockets) socket.destroy()
      await new Promise((resolve) => this.server.close(resolve))
    })
    return this
  }
}

export function startServer(listener: RequestListener): Promise<TestServer> {
  return new TestServer(listener).start()
}

/** A server that says its name. */
export function startNamed(name: string): Promise<TestServer> {
  return startServer((req, res) => {
    req.resume()
    res.end(name)
  })
}

export async function startMisbehaving(
  onHead: (socket: Socket, head: string) => void,
): Promise<MisbehavingServer> {
  const server = await MisbehavingServer.start(onHead)
  onTestFinished(() => server.close())
  return server
}

export async function openRaw(
  port: number,
  options?: Parameters<typeof RawConnection.open>[1],
): Promise<RawConnection> {
  const connection = await RawConnection.open(port, options)
  onTestFinished(() => void connection.socket.destroy())
  return connection
}

export interface LiveEngine<Engine = ProxyEngine> {
  readonly engine: Engine
  readonly front: TestServer
  readonly port: number
}

/** An engine on a plain node:http server, as a host would use it without `createProxy`. */
export function startEngine(config?: ProviderConfig, options?: EngineOptions): Promise<LiveEngine> {
  return serveWith(new ProxyEngine(options), config)
}

/** The same, for tests that look at the parts of the engine too. */
export function startOpenEngine(
  config?: ProviderConfig,
  options?: EngineOptions,
): Promise<LiveEngine<OpenEngine>> {
  return serveWith(new OpenEngine(options), config)
}

async function serveWith<Engine extends ProxyEngine | OpenEngine>(
  engine: Engine,
  config?: ProviderConfig,
): Promise<LiveEngine<Engine>> {
  const front = new TestServer(engine.handler)
  front.server.on('upgrade', engine.upgrade)
  await front.start()
  onTestFinished(() => engine.close())
  if (config) await engine.apply(config)
  return { engine, front, port: front.port }
}

type Target = string | { readonly url: string }

/** Sends everything to servers `s1`, `s2`, ... of the backend `pool`. */
export function routeTo(...targets: Target[]): ProviderConfig {
  return routeWith({}, ...targets)
}

export function routeWith(frontend: Partial<Frontend>, ...targets: Target[]): ProviderConfig {
  const servers: Record<string, Backend['servers'][string]> = {}
  for (const [index, target] of targets.entries()) {
    servers[`s${index + 1}`] = { url: typeof target === 'string' ? target : target.url }
  }
  return {
    frontends: { all: { backend: 'pool', rule: 'PathPrefix:/', ...frontend } },
    backends: { pool: { servers } },
  }
}

/** What `requestFinished` says, as it comes. */
export function recordFinished(engine: Pick<ProxyEngine, 'events'>): RequestFinished[] {
  const finished: RequestFinished[] = []
  engine.events.on('requestFinished', (event) => finished.push(event))
  return finished
}

/** The value once it has stopped changing for a while, counted in turns of the event loop. */
export async function settled(value: () => number): Promise<number> {
  let last = value()
  let quiet = 0
  await eventually(() => {
    quiet = value() === last ? quiet + 1 : 0
    last = value()
    return quiet >= 40
  }, 'a value that stops changing')
  return last
}
