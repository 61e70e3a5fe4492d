import type { Readable } from 'node:stream'
import picocolors from 'picocolors'

/** The part of a standard output stream that a terminal needs. */
export interface OutputStream {
  write(text: string): unknown
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
  readonly isTTY?: boolean
}

/** The streams and the environment of a command. */
export interface TerminalStreams {
  readonly stdin: Readable
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: NodeJS.ProcessEnv
}

type Colours = ReturnType<typeof picocolors.createColors>

/** Writes the lines of a command to its two output streams. Colours are used only if the stream is a terminal. */
export class Terminal {
  readonly env: NodeJS.ProcessEnv
  readonly stdin: Readable
  /** Colours for the standard output. */
  readonly colours: Colours
  /** Colours for the standard error stream. */
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
        // EPIPE is not a failure: the reader, such as `head`, has stopped reading.
        if (error.code !== 'EPIPE' && !this.#isForgiving) throw error
      })
  }

  /** Ignores all later write errors. A running proxy must not end because its output cannot be written. */
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

  /** Writes a text that ends with a line break already, as commander delivers it. */
  readonly write = (text: string): void => void this.#stdout.write(text)
  readonly writeError = (text: string): void => void this.#stderr.write(text)
}

/** Chooses the colours here, because picocolors also turns colours on in CI, where the output is not a terminal. */
function coloursFor({ isTTY = false }: OutputStream, { NO_COLOR, TERM }: NodeJS.ProcessEnv): Colours {
  return picocolors.createColors(isTTY && !NO_COLOR && TERM !== 'dumb')
}
