import { isIP, type Socket } from 'node:net'
import type { Etcd3, IOptions } from 'etcd3'
import { type EtcdConnection, urlOf } from './etcd-connection.js'

/** What etcd gave for a user and a password; it goes with every call. */
export interface EtcdPass {
  token?: string
}

/**
 * A client of etcd3 for one host, with a connection of its own that ends when the client does: left alone, one whose
 * handshake is never answered would stay open for ever.
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

  static async to(connection: EtcdConnection, host: string, pass: EtcdPass): Promise<EtcdClient> {
    // Here, not at the top: the import costs a quarter of a second, and most hosts of the library never need it.
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

  close(): void {
    this.#closed = true
    this.#etcd.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** The same credentials, which tell us of each connection as soon as there is one. */
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
      // grpc-js looks at this one too, after the handshake.
      if (this.#trustsAnyone && connector.connectionOptions)
        connector.connectionOptions.rejectUnauthorized = false
      return connector
    }
    return owning
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    // It was on its way when the client was closed.
    if (this.#closed) socket.destroy()
  }
}

/** What etcd3 and grpc-js keep to themselves. Neither gives a connection away in another manner. */
interface EtcdInside {
  readonly pool: { readonly hosts: readonly { channelCredentials: ChannelCredentials }[] }
}
interface ChannelCredentials {
  _createSecureConnector(...about: unknown[]): SecureConnector
}
interface SecureConnector {
  connect(socket: Socket): Promise<unknown>
  readonly connectionOptions?: { readonly host: string; servername: string; rejectUnauthorized?: boolean }
}

/** An address is no server name: Node warns of it. Without one the certificate is checked against the host all the same. */
function omitAddressAsName({ connectionOptions }: SecureConnector): void {
  if (connectionOptions && isIP(connectionOptions.host) !== 0) connectionOptions.servername = ''
}

function clientOptions({ tls }: EtcdConnection, host: string, pass: EtcdPass): IOptions {
  return {
    hosts: [urlOf(host)],
    ...(tls && { credentials: credentialsOf(tls) }),
    grpcOptions: {
      // Without a pool of its own, a new client gets the dead connection of the one before.
      'grpc.use_local_subchannel_pool': 1,
      // A server refuses pings that come closer than 5 s.
      'grpc.keepalive_time_ms': 6_000,
      'grpc.keepalive_timeout_ms': 3_000,
      interceptors: [accompany(pass)],
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
  start(metadata: { set(name: string, value: string): void }, listener: CallListener): void
}
interface CallListener {
  onReceiveStatus(status: { readonly details: string }): void
}

/**
 * Sends the token along, and tells etcd to end what it cannot vouch for: without that, a member that was cut off from
 * the others keeps its watches open and silent, and answers heartbeats all the same.
 */
function accompany(pass: EtcdPass) {
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

/** etcd3 knows a refused token by these words, and would ask again and again for as long as etcd says them. */
function withoutEndlessRetry(listener: CallListener): CallListener {
  return Object.assign(Object.create(listener) as CallListener, {
    onReceiveStatus(status: { readonly details: string }) {
      const details = status.details?.replace('etcdserver: invalid auth token', 'invalid auth token')
      listener.onReceiveStatus({ ...status, details })
    },
  })
}

/** Without authorities, those that Node trusts: etcd3 passes on what it is given. */
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
