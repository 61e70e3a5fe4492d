import { type ChildProcess, spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { eventually } from './next-event.js'

const PROGRAM = `
const server = require('node:net').createServer()
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(server.address().port + '\\n'))
`

/**
 * A port to which a connection is neither made nor refused: its process stands still and its queue is full, so that
 * the system drops whoever knocks.
 */
export class UnansweredPort {
  readonly port: number
  readonly #child: ChildProcess
  readonly #queued: Socket[]

  private constructor(port: number, child: ChildProcess, queued: Socket[]) {
    this.port = port
    this.#child = child
    this.#queued = queued
  }

  static async open(): Promise<UnansweredPort> {
    const child = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await eventually(() => said.endsWith('\n'), 'it listens')
    child.kill('SIGSTOP')
    const port = Number(said)
    const queued: Socket[] = []
    // Those that fill the queue are connected; the first that is not shows that it is full.
    for (let connected = true; connected; ) connected = await knock(port, queued)
    return new UnansweredPort(port, child, queued)
  }

  close(): void {
    for (const socket of this.#queued) socket.destroy()
    this.#child.kill('SIGKILL')
  }
}

/** Resolves to whether a connection was made within half a second: on loopback it takes less than a millisecond. */
function knock(port: number, queued: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.setTimeout(500, () => resolve(false))
    queued.push(socket)
  })
}
