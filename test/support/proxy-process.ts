import { type ChildProcess, fork, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { eventually } from './next-event.js'
import type { Order, Word } from './proxy-child.js'

const PROGRAM = fileURLToPath(new URL('./proxy-child.ts', import.meta.url))
const ARGUMENTS = ['--import', 'tsx', '--expose-gc']

/** A process of its own with nothing in it but proxies: a test runner has timers and sockets of its own. */
export class ProxyProcess {
  readonly words: Word[] = []
  /** What it wrote, to tell why it died. */
  output = ''
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (word: Word) => this.words.push(word))
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString()
      })
    }
  }

  static async start(): Promise<ProxyProcess> {
    return ProxyProcess.#ready(
      fork(PROGRAM, { execArgv: ARGUMENTS, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }),
    )
  }

  /** One that can write no file longer than this: to it, the disk is full. */
  static async startOnFullDisk(maxKilobytes: number): Promise<ProxyProcess> {
    const script = `ulimit -f ${maxKilobytes} && exec "$0" "$@"`
    const child = spawn('bash', ['-c', script, process.execPath, ...ARGUMENTS, PROGRAM], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Its cache is shared: what this process cannot write there in full, others must not find.
      env: { ...process.env, TSX_DISABLE_CACHE: '1' },
    })
    return ProxyProcess.#ready(child)
  }

  static async #ready(child: ChildProcess): Promise<ProxyProcess> {
    const started = new ProxyProcess(child)
    await started.until('here')
    return started
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  order(order: Order): void {
    this.#child.send(order)
  }

  /** Resolves to the first word of a kind for which `accept` holds, said already or yet to come. */
  async until<I extends Word['is']>(
    is: I,
    accept: (word: Extract<Word, { is: I }>) => boolean = () => true,
    limitMs = 10_000,
  ): Promise<Extract<Word, { is: I }>> {
    const find = () => this.all(is).find(accept)
    const said = () => {
      if (!this.runs && !find()) throw new Error(`the process has ended: ${this.output}`)
      return find() !== undefined
    }
    await eventually(said, `it says ${is}`, limitMs)
    return find() as Extract<Word, { is: I }>
  }

  all<I extends Word['is']>(is: I): Extract<Word, { is: I }>[] {
    return this.words.filter((word) => word.is === is) as Extract<Word, { is: I }>[]
  }

  forget(): void {
    this.words.length = 0
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
