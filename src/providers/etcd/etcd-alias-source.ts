import type { AliasReading, AliasSource, AliasWatcher } from '../../model/provider.js'
import type { EtcdConnection } from './etcd-connection.js'
import { EtcdSessions } from './etcd-sessions.js'

/** Reads and watches an alias that is stored in one key of etcd. */
export class EtcdAliasSource implements AliasSource {
  readonly alias: string
  readonly #sessions: EtcdSessions

  /**
   * Checks the connection options, but does not connect yet.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` if the key is empty, or if a host, user or certificate is invalid
   */
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
