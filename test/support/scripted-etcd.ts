import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as Grpc from '@grpc/grpc-js'
import type * as ProtoLoader from '@grpc/proto-loader'

// Whichever of the two the client has.
const client = createRequire(createRequire(import.meta.url).resolve('etcd3'))
const grpc = client('@grpc/grpc-js') as typeof Grpc
const { loadSync } = client('@grpc/proto-loader') as typeof ProtoLoader

const definition = loadSync(join(dirname(client.resolve('etcd3/package.json')), 'proto/rpc.proto'), {
  keepCase: true,
  longs: String,
  defaults: true,
})
const { etcdserverpb } = grpc.loadPackageDefinition(definition) as unknown as {
  etcdserverpb: Record<'KV' | 'Watch' | 'Auth', { service: Grpc.ServiceDefinition }>
}

/** As far as a client of ours looks at it: what it may be, not what it must be. Bytes are sent as they are. */
export type Message = Readonly<Record<string, unknown>> | Buffer

/** The server's end of a watch. */
export type WatchEnd = Pick<Grpc.ServerDuplexStream<Message, Message>, 'write' | 'end' | 'destroy'>

/** An answer to a call: a message, or an error with etcd's words. */
export type Reply = Message | Error

/** What an etcd says; each can be replaced by a lie. */
export interface Script {
  /** A request to watch has come, and what follows on that stream. */
  onWatch(watch: WatchEnd, request: Message): void
  /** A sign of life was asked for. */
  onProgress(watch: WatchEnd): void
  range(): Reply
  /** What stands in each range of a transaction. */
  rangeOfMany(): Message
  authenticate(): Reply
}

export const HEADER = { cluster_id: '1', member_id: '1', revision: '5', raft_term: '1' }
export const CREATED = { header: HEADER, watch_id: '0', created: true }

/** The events of writes of a key, in one message. */
export const events = (key: string, count = 1): Message => ({
  header: HEADER,
  watch_id: '0',
  events: Array.from({ length: count }, () => ({ type: 'PUT', kv: pair(key, '/never', '6') })),
})

export const pair = (key: string, value: string | Buffer, revision = '3') => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
  create_revision: '2',
  mod_revision: revision,
  version: '1',
})

/** What a real one would answer to a read of a key. */
export const reading = (key: string, value: string | Buffer, revision?: string): Message => ({
  header: HEADER,
  kvs: [pair(key, value, revision)],
  count: '1',
})

export function refusal(code: keyof typeof Grpc.status, words: string): Error {
  return Object.assign(new Error(words), { code: grpc.status[code], details: words })
}

function withRawBytes(service: keyof typeof etcdserverpb): Grpc.ServiceDefinition {
  const methods = Object.entries(etcdserverpb[service].service).map(([name, method]) => {
    const responseSerialize = (message: Message) =>
      Buffer.isBuffer(message) ? message : method.responseSerialize(message)
    return [name, { ...method, responseSerialize }]
  })
  return Object.fromEntries(methods)
}

/** Speaks etcd's protocol, and says whatever a script wants. */
export class ScriptedEtcd implements AsyncDisposable {
  readonly url: string
  script: Script
  /** Calls that came, by what they asked. */
  readonly asked = { watch: 0, range: 0, authenticate: 0 }
  readonly #server: Grpc.Server
  readonly #watches = new Set<WatchEnd>()

  private constructor(server: Grpc.Server, port: number, script: Script) {
    this.#server = server
    this.url = `http://127.0.0.1:${port}`
    this.script = script
  }

  /** @param lies what it does not say as an honest one, whose `key` has the value `/v1` */
  static async start(key: string, lies: Partial<Script> = {}): Promise<ScriptedEtcd> {
    const server = new grpc.Server({ 'grpc.max_send_message_length': -1 })
    const script: Script = {
      onWatch: (watch) => watch.write(CREATED),
      onProgress: (watch) => watch.write({ header: HEADER, watch_id: '-1' }),
      range: () => reading(key, '/v1'),
      rangeOfMany: () => ({ header: HEADER, kvs: [], count: '0' }),
      authenticate: () => ({ header: HEADER, token: 'a token' }),
      ...lies,
    }
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure()
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)))
    })
    const etcd = new ScriptedEtcd(server, port, script)
    etcd.#serve()
    return etcd
  }

  /** The watches that are open. */
  get watches(): readonly WatchEnd[] {
    return [...this.#watches]
  }

  /** Tells all clients to go, and lets their calls end by themselves. */
  sayGoaway(): void {
    this.#server.drain(this.url.replace('http://', ''), 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
  }

  #serve(): void {
    const answer =
      (name: 'range' | 'authenticate') =>
      (_: unknown, done: (error: Error | null, message?: Message) => void): void => {
        this.asked[name] += 1
        const reply = this.script[name]()
        if (reply instanceof Error) done(reply)
        else done(null, reply)
      }
    const many = ({ request }: { request: Message }, done: (error: null, message: Message) => void): void => {
      const { success } = request as unknown as { readonly success: readonly unknown[] }
      const responses = success.map(() => ({ response_range: this.script.rangeOfMany() }))
      done(null, { header: HEADER, succeeded: true, responses })
    }
    this.#server.addService(withRawBytes('KV'), { Range: answer('range'), Txn: many })
    this.#server.addService(withRawBytes('Auth'), { Authenticate: answer('authenticate') })
    this.#server.addService(withRawBytes('Watch'), {
      Watch: (watch: Grpc.ServerDuplexStream<Message, Message>) => this.#watch(watch),
    })
  }

  #watch(watch: Grpc.ServerDuplexStream<Message, Message>): void {
    this.#watches.add(watch)
    watch.on('error', () => {})
    watch.on('close', () => this.#watches.delete(watch))
    watch.on('cancelled', () => this.#watches.delete(watch))
    watch.on('data', (request: Message) => {
      if ('progress_request' in request && request['progress_request']) {
        this.script.onProgress(watch)
        return
      }
      this.asked.watch += 1
      this.script.onWatch(watch, request)
    })
    watch.on('end', () => watch.end())
  }
}
