import { connect } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { EventStream } from '../../src/status/event-stream.js'
import { startServer } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

describe('EventStream', () => {
  it('cuts a client that does not read, and no other', async () => {
    const stream = new EventStream()
    const cut: string[] = []
    let taken = 0
    const server = await startServer((req, res) => {
      stream.add(res)
      taken += 1
      res.on('close', () => cut.push(req.url ?? ''))
    })
    const ask = (path: string) => {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {})
      onTestFinished(() => void socket.destroy())
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      return socket
    }
    ask('/silent').pause()
    let read = 0
    ask('/reading').on('data', (chunk) => {
      read += chunk.length
    })
    await eventually(() => taken === 2, 'both are taken on')
    // What the system takes for a client that does not read is some megabytes; each waits for the one that reads.
    for (let sent = 0; sent < 400 && cut.length === 0; sent += 1) {
      const before = read
      stream.send('traffic', { text: 'x'.repeat(64 * 1024) })
      await eventually(() => read > before, 'it is read')
    }
    expect(cut).toEqual(['/silent'])
    stream.close()
  })

  it('takes nobody on once it has ended, nor more than a hundred, twenty of one address', async () => {
    const stream = new EventStream()
    const answers: boolean[] = []
    const server = await startServer((_req, res) => {
      answers.push(stream.add(res))
    })
    for (let asked = 0; asked <= 100; asked += 1) {
      const localAddress = `127.0.0.${2 + (asked % 5)}`
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress }).on('error', () => {})
      onTestFinished(() => void socket.destroy())
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    }
    await eventually(() => answers.length === 101, 'all have asked')
    expect(answers.filter((taken) => !taken)).toHaveLength(1)
    stream.close()
    expect(stream.add({} as never)).toBe(false)
  })

  it('ends a client that leaves little unread, but for three heartbeats', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const stream = new EventStream()
    const clientOf = (unread: number) => {
      const socket = { remoteAddress: '127.0.0.1', destroyed: false }
      const res = { writableLength: unread, destroyed: false, req: { socket }, socket }
      const rest = { writeHead: () => {}, write: () => {}, on: () => {}, destroy: vi.fn() }
      return Object.assign(res, rest)
    }
    const [reads, stalls, slow] = [clientOf(0), clientOf(5), clientOf(5)]
    for (const res of [reads, stalls, slow]) stream.add(res as never)
    vi.advanceTimersByTime(20_000)
    slow.writableLength = 0
    vi.advanceTimersByTime(10_000)
    expect(stalls.destroy).toHaveBeenCalled()
    expect(reads.destroy).not.toHaveBeenCalled()
    expect(slow.destroy).not.toHaveBeenCalled()
  })
})
