import { isIP, type Socket } from 'node:net'
import type { Etcd3, IOptions } from 'etcd3'
import { type EtcdConnection, urlOf } from './etcd-connection.js'

/** Holds the token that etcd returned for a user name and password. The client sends the token with every gRPC call. */
export interface EtcdPass {
  token?: string
}

/**
 * A client of the package etcd3 for one etcd host, with a connection of its own. `close` destroys the sockets itself. etcd3 alone
 * would leave a socket open forever if the host never answers the TLS handshake.
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

  /** Creates a client. It connects to etcd at its first gRPC call. */
  static async to(connection: EtcdConnection, host: string, pass: EtcdPass): Promise<EtcdClient> {
    // etcd3 is imported when the first client is created. The import takes a quarter of a second, and most users of this library
    // never need it.
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

  /** Ends all gRPC calls and destroys all sockets. */
  close(): void {
    this.#closed = true
    this.#etcd.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Wraps the TLS credentials of one etcd member, so that this client learns of each socket as soon as grpc-js creates it. */
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
      // With `insecureSkipVerify`, turn off the certificate check here too, because grpc-js checks this option again after the
      // TLS handshake.
      if (this.#trustsAnyone && connector.connectionOptions)
        connector.connectionOptions.rejectUnauthorized = false
      return connector
    }
    return owning
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // If the client was closed while grpc-js was still opening this socket, destroy it now.
    if (this.#closed) socket.destroy()
  }
}

/** Types of private parts of etcd3. They are used because neither etcd3 nor grpc-js has a public way to reach a connection. */
interface EtcdInside {
  readonly pool: { readonly hosts: readonly { channelCredentials: ChannelCredentials }[] }
}
/** Type of a private object of grpc-js. It creates a `SecureConnector` for each connection. */
interface ChannelCredentials {
  _createSecureConnector(...about: unknown[]): SecureConnector
}
/** Type of a private object of grpc-js that performs the TLS handshake on a socket. */
interface SecureConnector {
  connect(socket: Socket): Promise<unknown>
  readonly connectionOptions?: { readonly host: string; servername: string; rejectUnauthorized?: boolean }
}

/**
 * Removes the TLS server name if it is an IP address, because Node prints a warning about it. The certificate is still checked
 * against the host.
 */
function omitAddressAsName({ connectionOptions }: SecureConnector): void {
  if (connectionOptions && isIP(connectionOptions.host) !== 0) connectionOptions.servername = ''
}

function clientOptions({ tls }: EtcdConnection, host: string, pass: EtcdPass): IOptions {
  return {
    hosts: [urlOf(host)],
    ...(tls && { credentials: credentialsOf(tls) }),
    grpcOptions: {
      // Each client gets its own pool of connections. A shared pool could give a new client the broken connection of an earlier
      // client.
      'grpc.use_local_subchannel_pool': 1,
      // HTTP/2 pings are sent less often than every 5 seconds, because an etcd server closes a connection with more frequent
      // pings.
      'grpc.keepalive_time_ms': 6_000,
      'grpc.keepalive_timeout_ms': 3_000,
      interceptors: [addMetadata(pass)],
    } as NonNullable<IOptions['grpcOptions']>,
    // The fault handling of etcd3 is turned off. Its retries and circuit breakers would hide the first error and delay our own
    // attempts.
    faultHandling: { host: () => CALL_THROUGH, global: CALL_THROUGH },
  }
}

type FaultPolicy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>

/** A fault policy for etcd3 that makes each gRPC call at once and never retries it. */
const CALL_THROUGH = {
  execute: async (call: (context: { signal: AbortSignal }) => unknown) => call({ signal: NEVER }),
} as unknown as FaultPolicy

const NEVER = new AbortController().signal

/** The methods of a gRPC call that the interceptor of `addMetadata` uses. */
interface InterceptedCall {
  start(metadata: { set(name: string, value: string): void }, listener: CallListener): void
}
interface CallListener {
  onReceiveStatus(status: { readonly details: string }): void
}

/**
 * Returns a gRPC interceptor that adds two metadata fields to each call: the token, and `hasleader`. With `hasleader`, an etcd
 * member that has lost its leader ends its watches. Without it, an isolated member would keep its watches open without any
 * events, and would still answer heartbeats.
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
 * Changes the error message by which etcd3 recognises a refused token. With the original message, etcd3 would retry for as long
 * as etcd refuses the token.
 */
function withoutEndlessRetry(listener: CallListener): CallListener {
  return Object.assign(Object.create(listener) as CallListener, {
    onReceiveStatus(status: { readonly details: string }) {
      const details = status.details?.replace('etcdserver: invalid auth token', 'invalid auth token')
      listener.onReceiveStatus({ ...status, details })
    },
  })
}

/**
 * Converts the `tls` options to the credentials that etcd3 takes. If `ca` is absent, the root certificates that Node trusts
 * apply.
 */
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
