import { request } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Authority } from '../support/etcd-tls.js'
import { routeTo, startEngine, startOpenEngine } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

const ANSWERS = {
  'with a length': 'HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge',
  'with a length and close': 'HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge',
  'in chunks': 'HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n',
  'of 204': 'HTTP/1.1 204 No Content\r\n\r\n',
  'behind a 102': 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge',
}

/** Reads the head of a request, says something, and closes with the body unread: its system resets the connection. */
async function startResetting(answer: string, secure: boolean): Promise<{ url: string }> {
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket) => {
    sockets.add(socket)
    let head = ''
    const onData = (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.off('data', onData).pause()
      if (answer === '') socket.destroy()
      else socket.write(answer, () => socket.destroy())
    }
    socket.on('data', onData).on('error', () => {})
  }
  const server: Server = secure
    ? createTls(await (await Authority.create('any')).sign(), onSocket)
    : createServer(onSocket)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `${secure ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function upload(port: number, length: number | 'unknown'): Promise<string> {
  const body = Buffer.alloc(3_000_000)
  const headers = length === 'unknown' ? {} : { 'content-length': length }
  return new Promise((resolve) => {
    const req = request({ port, host: '127.0.0.1', method: 'POST', agent: false, headers }, (res) => {
      let text = ''
      res.on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => resolve(`${res.statusCode} ${text}`.trim()))
      res.on('error', ({ message }) => resolve(`${res.statusCode}, then ${message}`))
    })
    req.on('error', ({ message }) => resolve(message))
    req.end(body)
  })
}

/** A client that still sends may see the end of its connection before the part of the answer. */
const BROKEN = /^(413, then aborted|(read|write) (ECONNRESET|EPIPE))$/

const insecure = { upstreamTls: { insecureSkipVerify: true } }

describe.each([
  ['plain', false],
  ['TLS', true],
] as const)('a server that answers an upload early and resets, %s', (_, secure) => {
  it.each(Object.entries(ANSWERS))('has its answer passed on, one %s', async (_kind, answer) => {
    const server = await startResetting(answer, secure)
    const { engine, port } = await startOpenEngine(routeTo(server), insecure)
    const expected = answer.includes('204') ? '204' : '413 large'
    for (let round = 0; round < 5; round++)
      for (const length of [3_000_000, 'unknown'] as const) expect(await upload(port, length)).toBe(expected)
    await eventually(() => engine.inFlight.size === 0, 'none is under way')
  })

  it.each([
    ['nothing', '', /^502 /],
    ['part of a head', 'HTTP/1.1 413 Too', /^502 /],
    ['part of a body', 'HTTP/1.1 413 Too Large\r\nContent-Length: 50\r\n\r\nlarge', BROKEN],
  ])('fails the upload if it has said %s', async (_kind, answer, expected) => {
    const server = await startResetting(answer, secure)
    const { engine, port } = await startOpenEngine(routeTo(server), insecure)
    for (let round = 0; round < 5; round++)
      for (const length of [3_000_000, 'unknown'] as const)
        expect(await upload(port, length)).toMatch(expected)
    await eventually(() => engine.inFlight.size === 0, 'none is under way')
  })
})

describe('an answer to an upload that only the end of its connection would end', () => {
  it('never looks whole behind a reset', async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}))
      socket.once('data', () => {
        socket.pause()
        socket.write('HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nlarge', () =>
          socket.resetAndDestroy(),
        )
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { port } = await startEngine(routeTo({ url }))
    for (let round = 0; round < 20; round++)
      expect(await upload(port, round % 2 ? 3_000_000 : 'unknown')).toMatch(
        new RegExp(`${BROKEN.source}|^502 `),
      )
  })
})
