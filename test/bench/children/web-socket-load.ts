import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { answerCalls } from '../parts/child.js'
import type { LoadFigures } from '../parts/load-generator.js'
import { percentile } from '../parts/percentiles.js'

/** What is asked of every WebSocket. */
interface Talk {
  readonly port: number
  readonly connections: number
  /** Of each message, framing aside; at most 125. */
  readonly bytes: number
  readonly seconds: number
}

/** One message, masked as a client must (RFC 6455, 5.3). The server sends it back as it is. */
function frameOf(bytes: number): Buffer {
  const mask = randomBytes(4)
  const payload = Buffer.alloc(bytes, 'x').map((byte, index) => byte ^ (mask[index % 4] as number))
  return Buffer.concat([Buffer.from([0x82, 0x80 | bytes]), mask, payload])
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const key = randomBytes(16).toString('base64')
  const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`
  socket.write(`GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n\r\n`)
  let head = ''
  while (!head.includes('\r\n\r\n')) head += String((await once(socket, 'data'))[0])
  if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no WebSocket: ${head}`)
  return socket
}

answerCalls({
  async run({ port, connections, bytes, seconds }: Talk): Promise<LoadFigures> {
    const frame = frameOf(bytes)
    const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
    const times: number[] = []
    let failed = 0
    const end = performance.now() + seconds * 1e3
    const talk = (socket: Socket) =>
      new Promise<void>((resolve) => {
        let sentAt = 0
        let missing = 0
        const say = () => {
          if (performance.now() >= end) return resolve()
          sentAt = performance.now()
          missing = frame.length
          socket.write(frame)
        }
        socket.on('data', (chunk: Buffer) => {
          missing -= chunk.length
          if (missing > 0) return
          if (missing < 0) failed += 1
          times.push(performance.now() - sentAt)
          say()
        })
        socket.on('error', () => {})
        socket.on('close', () => {
          failed += 1
          resolve()
        })
        say()
      })
    await Promise.all(sockets.map(talk))
    for (const socket of sockets) socket.removeAllListeners('close').destroy()
    const p50 = percentile(times, 0.5)
    return { perSecond: times.length / seconds, p50, p99: percentile(times, 0.99), failed }
  },
})
