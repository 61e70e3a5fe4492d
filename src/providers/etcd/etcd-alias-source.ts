import type { AliasReading, AliasSource, AliasWatcher } from '../../model/provider.js'
import type { EtcdConnection } from './etcd-connection.js'
import { EtcdSessions } from './etcd-sessions.js'

/** An alias source whose alias is one key in etcd. */
export class EtcdAliasSource implements AliasSource {
  readonly alias: string
  readonly #sessions: EtcdSessions

  /** @throws ProxyError `PROXY_OPTION_INVALID` without a key, and for a host, user or certificate that can never work */
  constructor(connection: EtcdConnection, key: string) {
    this.#sessions = new EtcdSessions(connection, key)
    this.alias = this.#sessions.place
  }

  async watch(watcher: AliasWatcher): Promise<void> {
    this.#sessions.watch(watcher)
  }

  async read(): Promise<AliasReading> {
    const { storeRevision: _, ...reading } = await this.#sessions.read()
    return reading
  }

  async stop(): Promise<void> {
    this.#sessions.stop()
  }
}
