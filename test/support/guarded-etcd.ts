import type { EtcdConnection } from 'switchover'
import { EtcdServer } from './etcd-server.js'
import { ALIAS } from './following-proxy.js'

const ROOT = 'root:root of all'
const ROLE = 'alias-reader'

/** An etcd that asks who is there: for users, with the right to read the alias and nothing else. */
export class GuardedEtcd implements AsyncDisposable {
  /** A user who may read the alias. */
  readonly user: NonNullable<EtcdConnection['auth']> = { username: 'proxy', password: 'open sesame' }
  readonly server: EtcdServer
  #guarding = false

  private constructor(server: EtcdServer) {
    this.server = server
  }

  static async start(args: readonly string[] = []): Promise<GuardedEtcd> {
    // Of the cost of passwords nothing is to be learnt here.
    const etcd = new GuardedEtcd(await EtcdServer.start({ args: ['--bcrypt-cost', '4', ...args] }))
    await etcd.ctl('user', 'add', ROOT)
    await etcd.ctl('user', 'grant-role', 'root', 'root')
    await etcd.ctl('role', 'add', ROLE)
    await etcd.grant()
    await etcd.addUser(etcd.user.password)
    await etcd.guard()
    return etcd
  }

  /** Runs etcdctl as whoever may do everything. */
  ctl(...args: string[]): Promise<string> {
    return this.server.etcdctl(...(this.#guarding ? [`--user=${ROOT}`] : []), ...args)
  }

  async put(value: string): Promise<void> {
    await this.ctl('put', ALIAS, value)
  }

  async guard(): Promise<void> {
    await this.ctl('auth', 'enable')
    this.#guarding = true
  }

  async unguard(): Promise<void> {
    await this.ctl('auth', 'disable')
    this.#guarding = false
  }

  async grant(): Promise<void> {
    await this.ctl('role', 'grant-permission', ROLE, 'read', ALIAS)
  }

  async revoke(): Promise<void> {
    await this.ctl('role', 'revoke-permission', ROLE, ALIAS)
  }

  async addUser(password: string): Promise<void> {
    await this.ctl('user', 'add', `${this.user.username}:${password}`)
    await this.ctl('user', 'grant-role', this.user.username, ROLE)
  }

  async deleteUser(): Promise<void> {
    await this.ctl('user', 'delete', this.user.username)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop()
  }
}
