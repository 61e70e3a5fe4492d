import { randomBytes } from 'node:crypto'
import { freePorts } from './etcd-ports.js'
import { EtcdServer } from './etcd-server.js'

/** Three real etcd members on loopback ports, each to be stopped, frozen and killed on its own. */
export class EtcdCluster implements AsyncDisposable {
  readonly members: readonly EtcdServer[]

  private constructor(members: readonly EtcdServer[]) {
    this.members = members
  }

  /** Resolves when every member answers a linearizable read. */
  static async start(): Promise<EtcdCluster> {
    const peerPorts = await freePorts(3)
    const run = randomBytes(4).toString('hex')
    const names = peerPorts.map((_, index) => `member-${run}-${index}`)
    const initialCluster = names
      .map((name, index) => `${name}=http://127.0.0.1:${peerPorts[index]}`)
      .join(',')
    const starting = names.map((name, index) =>
      EtcdServer.start({ member: { name, peerPort: peerPorts[index]!, initialCluster } }),
    )
    const outcomes = await Promise.allSettled(starting)
    const members = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const cluster = new EtcdCluster(members)
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (!failed) return cluster
    await cluster.stop()
    throw failed.reason
  }

  get urls(): string[] {
    return this.members.map(({ url }) => url)
  }

  /** Writes through a member; again if the leader was lost on the way, which costs one election. */
  async put(through: EtcdServer, key: string, value: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await through.put(key, value)
        return
      } catch (error) {
        if (tries === 3) throw error
      }
    }
  }

  /** The member that leads, and the others. */
  async roles(): Promise<{ leader: EtcdServer; followers: readonly EtcdServer[] }> {
    const leads = await Promise.all(this.members.map((member) => member.leads()))
    const leader = this.members[leads.indexOf(true)]
    if (!leader) throw new Error('no member leads')
    return { leader, followers: this.members.filter((member) => member !== leader) }
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
