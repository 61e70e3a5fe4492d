import type { Readable } from 'node:stream'
import picocolors from 'picocolors'

/** The parts of Node's `process.stdout` and `process.stderr` that the class `Terminal` uses. */
export interface OutputStream {
  write(text: string): unknown
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  readonly isTTY?: boolean
}

/** The standard streams and the environment of the command-line program. */
export interface TerminalStreams {
  readonly stdin: Readable
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: NodeJS.ProcessEnv
}

type Colours = ReturnType<typeof picocolors.createColors>

/**
 * Writes the lines of the command-line program to its standard output and error streams. Uses colours only if a stream is a
 * terminal.
 */
export class Terminal {
  readonly env: NodeJS.ProcessEnv
  readonly stdin: Readable
  /** Functions that colour text for the standard output. They change nothing if the standard output is not a terminal. */
  readonly colours: Colours
  /** Functions that colour text for the standard error stream. They change nothing if that stream is not a terminal. */
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
        // Ignores EPIPE: the program that reads the output, such as `head`, has ended. That is no failure.
        if (error.code !== 'EPIPE' && !this.#isForgiving) throw error
      })
  }

  /** Makes the terminal ignore all later write errors. A running proxy must not end because its output cannot be written. */
  forgive(): void {
    this.#isForgiving = true
  }

  print(line: string): void {
    this.#stdout.write(`${line}\n`)
  }

  /** Writes a line to the standard error stream, in red. */
  fail(line: string): void {
    this.note(this.errorColours.red(line))
  }

  /** Writes a line to the standard error stream. */
  note(line: string): void {
    this.#stderr.write(`${line}\n`)
  }

  /**
   * Writes text to the standard output without adding a line break. The library commander calls it with text that ends with one.
   */
  readonly write = (text: string): void => void this.#stdout.write(text)
  readonly writeError = (text: string): void => void this.#stderr.write(text)
}

/**
 * Colours the output of a terminal, unless `NO_COLOR` or `TERM=dumb` forbids it. Without this check, picocolors would also colour
 * output in CI, where the stream is not a terminal.
 */
function coloursFor({ isTTY = false }: OutputStream, { NO_COLOR, TERM }: NodeJS.ProcessEnv): Colours {
  return picocolors.createColors(isTTY && !NO_COLOR && TERM !== 'dumb')
}
