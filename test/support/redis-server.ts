import { spawn } from 'node:child_process'
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { freePorts } from './etcd-ports.js'

/** A Redis to test with. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string
  /** What answers. */
  readonly program: string
}

/** The real one where it is installed, else a stand-in. */
export async function startRedis(): Promise<TestRedis> {
  return (await startReal()) ?? startStandIn()
}

async function startReal(): Promise<TestRedis | undefined> {
  const [port] = await freePorts(1)
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve())
    child.on('exit', () => resolve())
  })
  const ready = new Promise<boolean>((resolve) => {
    void ended.then(() => resolve(false))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve(true)
    })
  })
  if (!(await ready)) return undefined
  return {
    url: `redis://127.0.0.1:${port}`,
    program: 'redis-server',
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}

/** Just the commands that the example uses, in the protocol's second version. */
async function startStandIn(): Promise<TestRedis> {
  const values = new Map<string, string>()
  const subscribers = new Map<string, Set<Socket>>()
  const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
  const commands: Readonly<Record<string, (socket: Socket, key: string, value: string) => string>> = {
    GET: (_socket, key) => bulk(values.get(key) ?? ''),
    SET: (_socket, key, value) => {
      values.set(key, value)
      return '+OK\r\n'
    },
    SUBSCRIBE: (socket, channel) => {
      const all = subscribers.get(channel) ?? new Set()
      subscribers.set(channel, all.add(socket))
      return `*3\r\n${bulk('subscribe')}${bulk(channel)}:1\r\n`
    },
    PUBLISH: (_socket, channel, message) => {
      const all = subscribers.get(channel) ?? new Set()
      for (const socket of all) socket.write(`*3\r\n${bulk('message')}${bulk(channel)}${bulk(message)}`)
      return `:${all.size}\r\n`
    },
  }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let read = ''
    socket.on('data', (bytes: Buffer) => {
      read += bytes.toString('latin1')
      for (let words = take(); words; words = take()) {
        const [name = '', key = '', value = ''] = words
        const answer = commands[name.toUpperCase()]
        socket.write(answer ? answer(socket, key, value) : '+OK\r\n')
      }
    })
    /** A whole command, if one is there. */
    const take = (): string[] | undefined => {
      const head = /^\*(\d+)\r\n/.exec(read)
      if (!head) return undefined
      let at = head[0].length
      const words: string[] = []
      for (let word = 0; word < Number(head[1]); word++) {
        const size = /^\$(\d+)\r\n/.exec(read.slice(at))
        if (!size) return undefined
        at += size[0].length
        const end = at + Number(size[1])
        if (read.length < end + 2) return undefined
        words.push(Buffer.from(read.slice(at, end), 'latin1').toString())
        at = end + 2
      }
      read = read.slice(at)
      return words
    }
  })
  const [port] = await freePorts(1)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `redis://127.0.0.1:${port}`,
    program: 'a stand-in for redis-server, which is not installed',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
