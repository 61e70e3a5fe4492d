import { Readable } from 'node:stream'
import { runCommandLine } from '../../src/command-line/command-line.js'
import { type OutputStream, Terminal } from '../../src/command-line/terminal.js'

/** What a command printed, and how it ended. */
export interface CapturedCommand {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A command that ends by itself, in this process. */
export async function captured(
  words: readonly string[],
  { stdin = '', env = {}, isTTY = false }: { stdin?: string; env?: NodeJS.ProcessEnv; isTTY?: boolean } = {},
): Promise<CapturedCommand> {
  const said = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof said): OutputStream => ({
    isTTY,
    on: () => {},
    write: (text) => {
      said[name] += text
    },
  })
  const streams = { stdin: Readable.from([stdin]), stdout: stream('stdout'), stderr: stream('stderr'), env }
  const exitCode = await runCommandLine(words, new Terminal(streams), '1.2.3')
  return { exitCode, ...said }
}
