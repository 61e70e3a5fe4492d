import type { Etcd3, IOptions, IWatchResponse } from 'etcd3'
import { asError, ProxyError } from '../model/errors.js'
import type { AliasReading } from '../model/provider.js'
import { EtcdHeartbeat } from './etcd-heartbeat.js'

/** How to reach an etcd. The clients are ours: nobody else's may be shared with a watch. */
export interface EtcdConnection {
  /** Like `http://127.0.0.1:2379`; without a scheme, http is meant. */
  readonly hosts: string | readonly string[]
  readonly auth?: { readonly username: string; readonly password: string }
  /** PEM texts, for `https` hosts. Absent: the system's root certificates. */
  readonly tls?: {
    readonly ca: string | Buffer
    readonly cert?: string | Buffer
    readonly key?: string | Buffer
  }
}

/** Until the watch is acknowledged; and for one read. */
const ACKNOWLEDGE_MS = 2_000
const READ_MS = 3_000

/** What a read found, and how far the whole store was. */
export interface SessionReading extends AliasReading {
  readonly storeRevision: bigint
}

/** What a session tells its owner. */
export interface SessionListener {
  /** The watch saw something: read. */
  ring(): void
  /** The session is of no use any more, and closed. Called once, never after `close`. */
  ended(cause: ProxyError): void
}

/**
 * One watch of one key on one host, and reads of it: used until the first fault, then thrown away whole. Nothing is
 * resumed and nothing is repaired, because every way in which etcd3's own watcher resumes can lose a change.
 *
 * The watch is acknowledged first, the key is read after: what was written before is in the read, what is written
 * later rings. The value comes from a linearisable read, never from an event.
 */
export class EtcdSession {
  readonly #host: string
  readonly #key: Buffer
  readonly #listener: SessionListener
  /** Apart, with connections of their own: one that failed must not take the other with it. */
  readonly #watching: Etcd3
  readonly #asking: Etcd3
  #cancelWatch: (() => void) | undefined
  #giveUpOpening: ((cause: Error) => void) | undefined
  #heartbeat: EtcdHeartbeat | undefined
  #closed = false

  private constructor(
    clients: { watching: Etcd3; asking: Etcd3 },
    host: string,
    key: string,
    listener: SessionListener,
  ) {
    this.#host = host
    this.#key = Buffer.from(key)
    this.#listener = listener
    this.#watching = clients.watching
    this.#asking = clients.asking
  }

  /**
   * Opens a session; resolves when the watch is acknowledged.
   *
   * @param cancel gives up opening
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE` with what etcd or the network said; nothing is left open then
   */
  static async open(
    connection: EtcdConnection,
    host: string,
    key: string,
    listener: SessionListener,
    cancel?: AbortSignal,
  ): Promise<EtcdSession> {
    // Here, not at the top: the import costs a quarter of a second, and most hosts of the library never need it.
    const { Etcd3 } = await import('etcd3')
    const options = clientOptions(connection, host)
    const clients = { watching: new Etcd3(options), asking: new Etcd3(options) }
    const session = new EtcdSession(clients, host, key, listener)
    const close = () => session.close()
    cancel?.addEventListener('abort', close)
    try {
      cancel?.throwIfAborted()
      await session.#watch()
      return session
    } catch (thrown) {
      session.close()
      throw session.#failure(thrown)
    } finally {
      cancel?.removeEventListener('abort', close)
    }
  }

  async #watch(): Promise<void> {
    const opening = this.#watching.watchClient.watch()
    let timer: NodeJS.Timeout | undefined
    const acknowledged = new Promise<void>((resolve, reject) => {
      this.#giveUpOpening = reject
      timer = setTimeout(() => reject(new Error(`no answer within ${ACKNOWLEDGE_MS} ms`)), ACKNOWLEDGE_MS)
      opening.then((stream) => {
        this.#cancelWatch = () => {
          stream.cancel()
          stream.end()
        }
        if (this.#closed) return this.#cancelWatch()
        const fail = (cause: Error) => {
          reject(cause)
          this.#end(cause)
        }
        stream.on('error', fail)
        stream.on('end', () => fail(new Error('the watch ended')))
        stream.on('data', (message: IWatchResponse) => {
          this.#heartbeat?.heard()
          if (message.canceled) fail(new Error(cancelReason(message)))
          else if (message.created) resolve()
          // The answer to a heartbeat has no events.
          else if (message.events.length > 0) this.#listener.ring()
        })
        this.#heartbeat = new EtcdHeartbeat(() => stream.write({ progress_request: {} }), fail)
        stream.write({ create_request: { key: this.#key } })
      }, reject)
    })
    try {
      await acknowledged
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Reads the key, linearisably.
   *
   * @throws ProxyError `PROXY_ALIAS_UNREACHABLE`; the session has ended then
   */
  async read(): Promise<SessionReading> {
    try {
      const { header, kvs } = await this.#asking.kv.range(
        { key: this.#key },
        { deadline: Date.now() + READ_MS },
      )
      const storeRevision = BigInt(header.revision)
      const [found] = kvs
      return found === undefined
        ? { revision: 'absent', storeRevision }
        : { value: found.value.toString('utf8'), revision: found.mod_revision, storeRevision }
    } catch (thrown) {
      throw this.fail(asError(thrown))
    }
  }

  /** Ends it, for what its owner found. @returns the cause, as its owner was told */
  fail(cause: Error): ProxyError {
    this.#end(cause)
    return this.#failure(cause)
  }

  /** Whether it has ended, by itself or not. */
  get closed(): boolean {
    return this.#closed
  }

  /** Ends everything, whatever state it is in. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#giveUpOpening?.(new Error('closed'))
    this.#heartbeat?.stop()
    this.#cancelWatch?.()
    this.#watching.close()
    this.#asking.close()
  }

  #end(cause: Error): void {
    if (this.#closed) return
    this.close()
    this.#listener.ended(this.#failure(cause))
  }

  #failure(thrown: unknown): ProxyError {
    // gRPC ends some of its messages with a heading that nothing follows.
    const reason = asError(thrown).message.replace(/\s*Resolution note:\s*$/, '')
    return new ProxyError('PROXY_ALIAS_UNREACHABLE', `etcd ${this.#host}: ${reason}`, {
      cause: thrown,
    })
  }
}

function cancelReason({ cancel_reason, compact_revision }: IWatchResponse): string {
  if (cancel_reason) return `the watch was cancelled: ${cancel_reason}`
  return compact_revision === '0'
    ? 'the watch was cancelled'
    : `the watch was cancelled by a compaction at ${compact_revision}`
}

function clientOptions({ auth, tls }: EtcdConnection, host: string): IOptions {
  return {
    hosts: [host.includes('://') ? host : `http://${host}`],
    ...(auth && { auth }),
    ...(tls && { credentials: credentialsOf(tls) }),
    grpcOptions: {
      // Without a pool of its own, a new client gets the dead connection of the one before.
      'grpc.use_local_subchannel_pool': 1,
      // A server refuses pings that come closer than 5 s.
      'grpc.keepalive_time_ms': 6_000,
      'grpc.keepalive_timeout_ms': 3_000,
      interceptors: [requireLeader],
    } as NonNullable<IOptions['grpcOptions']>,
    // The client's own retries and breakers hide the first cause and hold back our attempts: every call goes through.
    faultHandling: { host: () => CALL_THROUGH, global: CALL_THROUGH },
  }
}

type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

const CALL_THROUGH = {
  execute: async (call: (context: { signal: AbortSignal }) => unknown) => call({ signal: NEVER }),
} as unknown as FaultPolicy

const NEVER = new AbortController().signal

/** A gRPC call as far as an interceptor sees it here. */
interface InterceptedCall {
  start(metadata: { set(name: string, value: string): void }, listener: unknown): void
}

/**
 * Tells etcd to end what it cannot vouch for. Without it, a member that was cut off from the others keeps its watches open
 * and silent, and answers heartbeats all the same.
 */
function requireLeader(options: unknown, nextCall: (options: unknown) => InterceptedCall): InterceptedCall {
  const call = nextCall(options)
  const start = call.start.bind(call)
  call.start = (metadata, listener) => {
    metadata.set('hasleader', 'true')
    start(metadata, listener)
  }
  return call
}

function credentialsOf({
  ca,
  cert,
  key,
}: NonNullable<EtcdConnection['tls']>): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: Buffer.from(ca),
    ...(cert && { certChain: Buffer.from(cert) }),
    ...(key && { privateKey: Buffer.from(key) }),
  }
}
