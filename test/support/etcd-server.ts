import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type EtcdPrograms, findEtcd } from './etcd-binaries.js'
import { call, decode, encode, isServing } from './etcd-gateway.js'
import { EtcdGuard } from './etcd-guard.js'
import { freePorts } from './etcd-ports.js'
import { EtcdProcess } from './etcd-process.js'
import { etcdEnvironment, run } from './etcd-run.js'

export interface EtcdServerOptions {
  /** Kept when the server stops. Without it there is a temporary one, which is not. */
  readonly dataDir?: string
  readonly clientPort?: number
  /** Its place in a cluster: its name, its own peer port, and `name=url` of every member. */
  readonly member?: { readonly name: string; readonly peerPort: number; readonly initialCluster: string }
  /** Serves clients over TLS too, on a port of its own; what a test asks by `put` and `etcdctl` goes to the other. */
  readonly tls?: EtcdTlsFiles
  /** Further arguments for etcd. */
  readonly args?: readonly string[]
}

/** Files of PEM texts, which etcd reads anew for each connection. */
export interface EtcdTlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** Refuses clients whose certificate is not signed by this authority. */
  readonly clientCaFile?: string
}

const readyMs = 15_000
const portTries = 5

/**
 * A real etcd of one member on loopback ports, for tests that break it. It never outlives the test process.
 */
export class EtcdServer implements AsyncDisposable {
  readonly #programs: EtcdPrograms
  readonly #options: EtcdServerOptions
  readonly #dataDir: string
  readonly #name: string
  readonly #guard: EtcdGuard
  #process: EtcdProcess | undefined
  #clientPort = 0
  #peerPort = 0
  #tlsPort = 0
  #stopping: Promise<void> | undefined

  private constructor(programs: EtcdPrograms, options: EtcdServerOptions, dataDir: string) {
    this.#programs = programs
    this.#options = options
    this.#dataDir = dataDir
    this.#name = options.member?.name ?? `test-${process.pid}-${randomBytes(4).toString('hex')}`
    this.#guard = new EtcdGuard(options.dataDir === undefined ? dataDir : undefined)
  }

  /** Resolves when it answers a linearizable read. */
  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer> {
    const programs = await findEtcd()
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'switchover-etcd-')))
    const server = new EtcdServer(programs, options, dataDir)
    try {
      await server.#launch(true)
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  get port(): number {
    return this.#clientPort
  }

  get url(): string {
    return `http://127.0.0.1:${this.#clientPort}`
  }

  /** Where clients are served over TLS, if they are. */
  get tlsPort(): number {
    return this.#tlsPort
  }

  get tlsUrl(): string {
    return `https://127.0.0.1:${this.#tlsPort}`
  }

  get pid(): number {
    return this.#running.pid
  }

  /** Resolves to the revision that the write made. */
  async put(key: string, value: string): Promise<number> {
    const body = { key: encode(key), value: encode(value) }
    const answer = await call<{ header: { revision: string } }>(this.port, '/v3/kv/put', body)
    return Number(answer.header.revision)
  }

  /** Resolves to the value, or undefined if there is no such key. A linearizable read. */
  async get(key: string): Promise<string | undefined> {
    const answer = await call<{ kvs?: { value?: string }[] }>(this.port, '/v3/kv/range', { key: encode(key) })
    const pair = answer.kvs?.[0]
    return pair && decode(pair.value ?? '')
  }

  /** Resolves to whether there was such a key. */
  async delete(key: string): Promise<boolean> {
    const answer = await call<{ deleted?: string }>(this.port, '/v3/kv/deleterange', { key: encode(key) })
    return Number(answer.deleted ?? 0) > 0
  }

  /** Resolves to how many watches stand, as etcd itself counts them. */
  async watchers(): Promise<number> {
    const metrics = await (await fetch(`${this.url}/metrics`)).text()
    return Number(/^etcd_debugging_mvcc_watcher_total (\d+)$/m.exec(metrics)?.[1])
  }

  /** Resolves to whether it leads its cluster. */
  async leads(): Promise<boolean> {
    type Status = { header: { member_id: string }; leader: string }
    const { header, leader } = await call<Status>(this.port, '/v3/maintenance/status', {})
    return header.member_id === leader
  }

  /** Runs etcdctl against this server and resolves to what it printed. */
  etcdctl(...args: string[]): Promise<string> {
    const all = [`--endpoints=${this.url}`, ...args]
    return run(this.#programs.etcdctl, all, { timeoutMs: 10_000, env: etcdEnvironment() })
  }

  /** Freezes it: connections stay open, and nothing answers. */
  pause(): Promise<void> {
    return this.#running.pause()
  }

  resume(): void {
    this.#running.resume()
  }

  /** Ends it without notice, as a crash does; its data stays. Resolves when it has exited. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** Starts it again on its data and ports, after ending it properly if it runs. */
  async restart(): Promise<void> {
    await this.#process?.end(3000)
    await this.#launch(false)
  }

  /** Ends it without notice and starts it again, on its ports, on a snapshot that etcdctl saved; without one, on nothing. */
  async restartFrom(snapshot?: string): Promise<void> {
    await this.kill()
    await rm(this.#dataDir, { recursive: true, force: true })
    if (snapshot !== undefined) {
      const place = ['--data-dir', this.#dataDir, '--name', this.#name]
      const peers = [
        '--initial-advertise-peer-urls',
        this.#peerUrl,
        '--initial-cluster',
        this.#initialCluster,
      ]
      await this.etcdctl('snapshot', 'restore', snapshot, ...place, ...peers)
    }
    await this.#launch(false)
  }

  /**
   * Ends it for good. Resolves when it has exited and its temporary data is gone. Later calls change nothing.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    await this.#process?.end(3000)
    if (this.#options.dataDir === undefined) await rm(this.#dataDir, { recursive: true, force: true })
    await this.#guard.release()
  }

  get #running(): EtcdProcess {
    if (!this.#process?.isRunning) throw new Error('etcd is not running')
    return this.#process
  }

  /**
   * Tries again if a port was taken since it was chosen: with others if it may, for the first clients come
   * later.
   */
  async #launch(otherPorts: boolean): Promise<void> {
    const deadline = Date.now() + readyMs
    for (let tries = 1; ; tries++) {
      if (otherPorts) await this.#choosePorts()
      if (this.#stopping) throw new Error('this etcd was stopped')
      const etcd = new EtcdProcess(this.#programs.etcd, this.#arguments(), this.#guard)
      this.#process = etcd
      if (await this.#becameReady(etcd, deadline)) return
      const wasLate = etcd.isRunning
      await etcd.kill()
      const portTaken = etcd.lastLines.includes('address already in use')
      if (wasLate || !portTaken || tries === portTries) throw startError(etcd, wasLate)
      await delay(50)
    }
  }

  async #choosePorts(): Promise<void> {
    const [clientPort, peerPort, tlsPort] = await freePorts(this.#options.tls ? 3 : 2)
    this.#tlsPort = tlsPort ?? 0
    this.#clientPort = this.#options.clientPort ?? clientPort!
    this.#peerPort = this.#options.member?.peerPort ?? peerPort!
  }

  get #peerUrl(): string {
    return `http://127.0.0.1:${this.#peerPort}`
  }

  get #initialCluster(): string {
    return this.#options.member?.initialCluster ?? `${this.#name}=${this.#peerUrl}`
  }

  #arguments(): string[] {
    const peerUrl = this.#peerUrl
    return [
      ...['--name', this.#name, '--data-dir', this.#dataDir],
      ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      // A restarted one waits this long before it elects itself. Of two values for a flag the later holds.
      ...['--heartbeat-interval', '20', '--election-timeout', '200'],
      ...['--initial-cluster', this.#initialCluster],
      ...this.#tlsArguments(),
      ...(this.#options.args ?? []),
    ]
  }

  #tlsArguments(): string[] {
    const { tls } = this.#options
    if (!tls) return []
    const client = tls.clientCaFile && ['--client-cert-auth', '--trusted-ca-file', tls.clientCaFile]
    return [
      ...['--listen-client-urls', `${this.url},${this.tlsUrl}`],
      ...['--cert-file', tls.certFile, '--key-file', tls.keyFile],
      ...(client ?? []),
    ]
  }

  async #becameReady(etcd: EtcdProcess, deadline: number): Promise<boolean> {
    while (etcd.isRunning && Date.now() < deadline) {
      // One that cannot have the port exits, while whoever has it may leave the question unanswered.
      const serving = await Promise.race([isServing(this.port, this.#name, 1000), etcd.exited])
      if (serving && etcd.isRunning) return true
      await Promise.race([etcd.exited, delay(20)])
    }
    return false
  }
}

function startError(etcd: EtcdProcess, wasLate: boolean): Error {
  const what = wasLate ? `was not ready within ${readyMs / 1000} s` : 'exited before it was ready'
  return new Error(`etcd ${what}. It said last:\n${etcd.lastLines || '(nothing)'}`)
}
