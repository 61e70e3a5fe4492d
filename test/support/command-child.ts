import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { eventually } from './next-event.js'

const PROGRAM = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))
const TSX = import.meta.resolve('tsx')

/** The command line as its users have it: a process of its own. */
export class CommandChild {
  readonly child: ChildProcessWithoutNullStreams
  stdout = ''
  stderr = ''
  #end: { code: number | null; signal: NodeJS.Signals | null } | undefined

  constructor(
    words: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv; program?: string } = {},
  ) {
    const { cwd = process.cwd(), env = {}, program = PROGRAM } = options
    this.child = spawn(process.execPath, ['--import', TSX, program, ...words], {
      cwd,
      // Its own configuration is not to be found by others.
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    })
    this.child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk
    })
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk
    })
    this.child.on('close', (code, signal) => {
      this.#end = { code, signal }
    })
  }

  /** The match of a pattern in what it prints on a stream, now or later. */
  async sees(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stderr'): Promise<RegExpExecArray> {
    const find = () => pattern.exec(this[stream])
    await eventually(() => {
      if (this.#end && !find()) throw new Error(`ended without ${pattern}: ${this.stdout}${this.stderr}`)
      return find() !== null
    }, `${pattern} in: ${this.stdout}${this.stderr}`)
    return find() as RegExpExecArray
  }

  /** The port that a listener is bound to. */
  async port(name: string): Promise<number> {
    const [, port] = await this.sees(
      new RegExp(`^${name} listens on http://127\\.0\\.0\\.1:(\\d+)$`, 'm'),
      'stdout',
    )
    return Number(port)
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Its exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await eventually(() => this.#end !== undefined, `it ends; it said ${this.stdout}${this.stderr}`)
    return this.#end?.code ?? this.#end?.signal ?? null
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }
}
