import { Etcd3 } from 'etcd3'
import { EtcdServer } from '../../support/etcd-server.js'
import { sharedNow } from './clock.js'

/** A real etcd, and an operator who writes its alias key. */
export class AliasFlipper {
  static readonly aliasKey = '/bench/alias'
  readonly etcd: EtcdServer
  readonly #client: Etcd3

  private constructor(etcd: EtcdServer) {
    this.etcd = etcd
    this.#client = new Etcd3({ hosts: etcd.url })
  }

  static async start(): Promise<AliasFlipper> {
    return new AliasFlipper(await EtcdServer.start())
  }

  /** @returns when the write was issued, by the shared clock, and when etcd had acknowledged it */
  write(version: number): { readonly issuedAt: number; readonly acknowledged: Promise<number> } {
    const issuedAt = sharedNow()
    const acknowledged = this.#client
      .put(AliasFlipper.aliasKey)
      .value(`/bench/v${version}`)
      .exec()
      .then(() => sharedNow())
    return { issuedAt, acknowledged }
  }

  async stop(): Promise<void> {
    this.#client.close()
    await this.etcd.stop()
  }
}
