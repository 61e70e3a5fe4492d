import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { answerCalls } from '../parts/child.js'

/** Of so many at a time, or the proxy would be measured with as many requests under way. */
const AT_A_TIME = 20

/** All that are open, so that none is collected. */
const open: Socket[] = []

async function askOnce(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  open.push(socket)
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  let text = ''
  while (!/\r\n\r\nhello world$/.test(text)) {
    const [chunk] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])])
    if (chunk === undefined) return false
    text += String(chunk)
  }
  return true
}

answerCalls({
  /** Opens them, each for one request. @returns how many were not answered */
  async open({ port, connections }: { port: number; connections: number }): Promise<number> {
    let left = connections
    let failed = 0
    const several = Array.from({ length: AT_A_TIME }, async () => {
      while (left > 0) {
        left -= 1
        if (!(await askOnce(port))) failed += 1
      }
    })
    await Promise.all(several)
    return failed
  },
})
