import type { Readable } from 'node:stream'
import picocolors from 'picocolors'

/** A standard stream, as far as it is written to. */
export interface OutputStream {
  write(text: string): unknown
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  readonly isTTY?: boolean
}

/** Where a command comes from, and where it says what it has to say. */
export interface TerminalStreams {
  readonly stdin: Readable
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: NodeJS.ProcessEnv
}

type Colours = ReturnType<typeof picocolors.createColors>

/** The two streams of a command, a line at a time; in colours where somebody looks at them. */
export class Terminal {
  readonly env: NodeJS.ProcessEnv
  readonly stdin: Readable
  /** Of the standard output. */
  readonly colours: Colours
  /** Of the standard error stream. */
  readonly errorColours: Colours
  readonly #stdout: OutputStream
  readonly #stderr: OutputStream
  #isForgiving = false

  constructor({ stdin, stdout, stderr, env }: TerminalStreams) {
    this.env = env
    this.stdin = stdin
    this.#stdout = stdout
    this.#stderr = stderr
    this.colours = coloursFor(stdout, env)
    this.errorColours = coloursFor(stderr, env)
    for (const stream of [stdout, stderr])
      stream.on('error', (error) => {
        // That nobody reads on, as `head`, is no failure.
        if (error.code !== 'EPIPE' && !this.#isForgiving) throw error
      })
  }

  /** From now on nothing that cannot be written ends the process: a proxy that runs matters more than what it has to say. */
  forgive(): void {
    this.#isForgiving = true
  }

  print(line: string): void {
    this.#stdout.write(`${line}\n`)
  }

  /** On the standard error stream, in red. */
  fail(line: string): void {
    this.note(this.errorColours.red(line))
  }

  /** On the standard error stream. */
  note(line: string): void {
    this.#stderr.write(`${line}\n`)
  }

  /** As commander writes: with an end of line. */
  readonly write = (text: string): void => void this.#stdout.write(text)
  readonly writeError = (text: string): void => void this.#stderr.write(text)
}

/** picocolors would ask for more than that: it also colours what a CI reads. */
function coloursFor({ isTTY = false }: OutputStream, { NO_COLOR, TERM }: NodeJS.ProcessEnv): Colours {
  return picocolors.createColors(isTTY && !NO_COLOR && TERM !== 'dumb')
}
