import type { AliasReading, AliasSource, AliasWatcher } from '../../model/provider.js'
import type { EtcdConnection } from './etcd-connection.js'
import { EtcdSessions } from './etcd-sessions.js'

/** One key in etcd as an alias source. */
export class EtcdAliasSource implements AliasSource {
  readonly alias: string
  readonly #sessions: EtcdSessions

  /** @throws ProxyError `PROXY_OPTION_INVALID` for a host, a user or a certificate that can never work, or without a key */
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
