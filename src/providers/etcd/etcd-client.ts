import { isIP, type Socket } from 'node:net'
import type { Etcd3, IOptions } from 'etcd3'
import { type EtcdConnection, urlOf } from './etcd-connection.js'

/** The token that etcd gave for a user and a password. The client sends it with every call. */
export interface EtcdPass {
  token?: string
}

/**
 * A client of the package etcd3 for one host, with a connection of its own. `close` destroys the sockets itself, because etcd3
 * leaves a socket open forever whose TLS handshake the host never answers.
 */
export class EtcdClient {
  readonly #etcd: Etcd3
  readonly #sockets = new Set<Socket>()
  readonly #trustsAnyone: boolean
  #closed = false

  private constructor(etcd: Etcd3, trustsAnyone: boolean) {
    this.#etcd = etcd
    this.#trustsAnyone = trustsAnyone
    for (const host of (etcd as unknown as EtcdInside).pool.hosts) {
      host.channelCredentials = this.#owning(host.channelCredentials)
    }
  }

  /** Creates a client. It connects with its first call. */
  static async to(connection: EtcdConnection, host: string, pass: EtcdPass): Promise<EtcdClient> {
    // Imported on first use: the import takes a quarter of a second, and most users of this library never need etcd3.
    const { Etcd3 } = await import('etcd3')
    const trustsAnyone = connection.tls?.insecureSkipVerify ?? false
    return new EtcdClient(new Etcd3(clientOptions(connection, host, pass)), trustsAnyone)
  }

  get watch(): Etcd3['watchClient'] {
    return this.#etcd.watchClient
  }

  get kv(): Etcd3['kv'] {
    return this.#etcd.kv
  }

  get auth(): Etcd3['auth'] {
    return this.#etcd.auth
  }

  /** Ends all calls and destroys all sockets. */
  close(): void {
    this.#closed = true
    this.#etcd.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Wraps credentials so that this client learns of each socket as soon as grpc-js creates it. */
  #owning(credentials: ChannelCredentials): ChannelCredentials {
    const owning = Object.create(credentials) as ChannelCredentials
    owning._createSecureConnector = (...about) => {
      const connector = credentials._createSecureConnector(...about)
      const connect = connector.connect.bind(connector)
      connector.connect = (socket) => {
        this.#own(socket)
        return connect(socket)
      }
      omitAddressAsName(connector)
      // grpc-js checks this option a second time, after the handshake.
      if (this.#trustsAnyone && connector.connectionOptions)
        connector.connectionOptions.rejectUnauthorized = false
      return connector
    }
    return owning
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // grpc-js was still opening this socket when the client was closed.
    if (this.#closed) socket.destroy()
  }
}

/** Private parts of etcd3. Neither etcd3 nor grpc-js has a public way to reach a connection. */
interface EtcdInside {
  readonly pool: { readonly hosts: readonly { channelCredentials: ChannelCredentials }[] }
}
/** A private object of grpc-js that creates a connector for each connection. */
interface ChannelCredentials {
  _createSecureConnector(...about: unknown[]): SecureConnector
}
/** A private object of grpc-js that runs the TLS handshake on a socket. */
interface SecureConnector {
  connect(socket: Socket): Promise<unknown>
  readonly connectionOptions?: { readonly host: string; servername: string; rejectUnauthorized?: boolean }
}

/**
 * Removes an IP address that was set as the TLS server name, because Node warns of it. The certificate is still checked against
 * the host.
 */
function omitAddressAsName({ connectionOptions }: SecureConnector): void {
  if (connectionOptions && isIP(connectionOptions.host) !== 0) connectionOptions.servername = ''
}

function clientOptions({ tls }: EtcdConnection, host: string, pass: EtcdPass): IOptions {
  return {
    hosts: [urlOf(host)],
    ...(tls && { credentials: credentialsOf(tls) }),
    grpcOptions: {
      // With the pool that all clients share, a new client would get the dead connection of the client before it.
      'grpc.use_local_subchannel_pool': 1,
      // The intervals of pings are above 5 s, because an etcd server closes connections with more frequent ones.
      'grpc.keepalive_time_ms': 6_000,
      'grpc.keepalive_timeout_ms': 3_000,
      interceptors: [addMetadata(pass)],
    } as NonNullable<IOptions['grpcOptions']>,
    // Every call goes through. The retries and circuit breakers of etcd3 would hide the first cause and delay our attempts.
    faultHandling: { host: () => CALL_THROUGH, global: CALL_THROUGH },
  }
}

type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

/** A fault policy that calls at once and never retries. */
const CALL_THROUGH = {
  execute: async (call: (context: { signal: AbortSignal }) => unknown) => call({ signal: NEVER }),
} as unknown as FaultPolicy

const NEVER = new AbortController().signal

/** The parts of a gRPC call that the interceptor uses. */
interface InterceptedCall {
  start(metadata: { set(name: string, value: string): void }, listener: CallListener): void
}
interface CallListener {
  onReceiveStatus(status: { readonly details: string }): void
}

/**
 * Returns an interceptor that adds metadata to each call: the token, and `hasleader`. With `hasleader`, an etcd member without a
 * leader ends its watches. Without it, a member that is cut off from the others would keep them open and silent, and would still
 * answer heartbeats.
 */
function addMetadata(pass: EtcdPass) {
  return (options: unknown, nextCall: (options: unknown) => InterceptedCall): InterceptedCall => {
    const call = nextCall(options)
    const start = call.start.bind(call)
    call.start = (metadata, listener) => {
      metadata.set('hasleader', 'true')
      if (pass.token !== undefined) metadata.set('token', pass.token)
      start(metadata, withoutEndlessRetry(listener))
    }
    return call
  }
}

/**
 * Changes the words by which etcd3 recognises a refused token. For the original words, etcd3 would retry for as long as etcd
 * refuses the token.
 */
function withoutEndlessRetry(listener: CallListener): CallListener {
  return Object.assign(Object.create(listener) as CallListener, {
    onReceiveStatus(status: { readonly details: string }) {
      const details = status.details?.replace('etcdserver: invalid auth token', 'invalid auth token')
      listener.onReceiveStatus({ ...status, details })
    },
  })
}

/** Returns the credentials for etcd3. Without `ca`, the root certificates that Node trusts apply. */
function credentialsOf({
  ca,
  cert,
  key,
}: NonNullable<EtcdConnection['tls']>): NonNullable<IOptions['credentials']> {
  return {
    ...(ca && { rootCertificate: Buffer.from(ca) }),
    ...(cert && { certChain: Buffer.from(cert) }),
    ...(key && { privateKey: Buffer.from(key) }),
  } as NonNullable<IOptions['credentials']>
}
