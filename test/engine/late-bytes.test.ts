import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { generate } from 'selfsigned'
import { describe, expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startOpenEngine } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

/** Responses behind which nothing may follow, each to a request of that method. */
const RESPONSES: readonly (readonly [method: string, head: string])[] = [
  ['HEAD', '200 OK\r\nContent-Length: 5'],
  ['HEAD', '200 OK\r\nTransfer-Encoding: chunked'],
  ['HEAD', '200 OK'],
  ['HEAD', '404 Not Found\r\nContent-Length: 5'],
  ['HEAD', '204 No Content'],
  ['HEAD', '304 Not Modified'],
  ['GET', '204 No Content'],
  ['GET', '204 No Content\r\nContent-Length: 0'],
  ['GET', '204 No Content\r\nContent-Length: 5'],
  ['GET', '204 No Content\r\nTransfer-Encoding: chunked'],
  ['POST', '204 No Content'],
  ['DELETE', '204 No Content'],
  ['OPTIONS', '204 No Content'],
  ['GET', '205 Reset Content\r\nContent-Length: 0'],
  ['POST', '205 Reset Content\r\nContent-Length: 0'],
  ['GET', '304 Not Modified'],
  ['GET', '304 Not Modified\r\nContent-Length: 5'],
  ['GET', '304 Not Modified\r\nTransfer-Encoding: chunked'],
]

const FAKE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake'

/** What comes late. */
const LATE: Readonly<Record<string, readonly string[]>> = {
  'a body': ['hello'],
  'a chunked body': ['5\r\nhello\r\n0\r\n\r\n'],
  'a whole response': [FAKE],
  'a response in pieces': ['H', 'TTP/1.1 200 OK\r\nContent-Le', 'ngth: 4\r\n\r\nfa', 'ke'],
  'a head without an end': ['HTTP/1.1 200 OK\r\nX-Fake: '],
  'an empty line, then a response': ['\r\n', FAKE],
  'a response before the one': ['HTTP/1.1 103 Early Hints\r\nLink: </fake>\r\n\r\n'],
}

function headOf(lines: string): string {
  return `HTTP/1.1 ${lines}\r\n\r\n`
}

type When = 'with the head' | 'behind the head' | 'while it is idle' | 'when the next request is there'

/** A server that says which path it was asked for, and on `/first` misbehaves. */
async function startBroken(first: string, late: readonly string[], when: When, tls = false) {
  const state = { sockets: [] as Socket[], first: undefined as Socket | undefined }
  const sendLate = async (socket: Socket) => {
    for (const piece of late) {
      socket.write(piece)
      await new Promise(setImmediate)
    }
  }
  const serve = (socket: Socket) => {
    state.sockets.push(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', async (chunk) => {
      const [, path = ''] = /^\S+ (\S+)/.exec(String(chunk)) ?? []
      if (path === '/first') {
        state.first = socket
        socket.write(when === 'with the head' ? first + late.join('') : first)
        if (when === 'behind the head') await sendLate(socket)
        return
      }
      if (when === 'when the next request is there' && state.first) {
        await sendLate(state.first)
        state.first = undefined
      }
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    })
  }
  const pems = tls ? await generate([{ name: 'commonName', value: 'localhost' }]) : undefined
  const server = pems ? createTlsServer({ key: pems.private, cert: pems.cert }, serve) : createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of state.sockets) socket.destroy()
    server.close()
  })
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, state, sendLate: () => sendLate(state.first as Socket) }
}

async function isAnsweredItself(port: number) {
  for (const path of ['/second', '/third', '/fourth'])
    expect(await httpGet({ port, path })).toMatchObject({ status: 200, body: path })
}

describe('bytes behind a response without a body', () => {
  for (const [method, head] of RESPONSES)
    for (const [what, late] of Object.entries(LATE))
      it(`reach nobody: ${method}, ${JSON.stringify(head)}, ${what}`, async () => {
        for (const when of [
          'with the head',
          'behind the head',
          'while it is idle',
          'when the next request is there',
        ] as const) {
          const server = await startBroken(headOf(head), late, when)
          const { port } = await startEngine(routeTo(server), { retry: { attempts: 1 } })
          const { status, body } = await httpGet({ port, method, path: '/first' })
          expect([status, body]).toEqual([Number(head.slice(0, 3)), ''])
          if (when === 'while it is idle') await server.sendLate()
          await isAnsweredItself(port)
        }
      })

  it.each([
    ['HEAD', '200 OK\r\nContent-Length: 5'],
    ['GET', '204 No Content'],
    ['GET', '304 Not Modified'],
  ])('reach nobody over TLS: %s, %j', async (method, head) => {
    const server = await startBroken(headOf(head), [FAKE], 'when the next request is there', true)
    const { port } = await startEngine(routeTo(server), { upstreamTls: { insecureSkipVerify: true } })
    expect((await httpGet({ port, method, path: '/first' })).status).toBe(Number(head.slice(0, 3)))
    await isAnsweredItself(port)
  })

  it('end the connection at once, without a wait of the system’s', async () => {
    const errors: string[] = []
    const server = await startBroken(headOf('304 Not Modified'), [], 'with the head')
    const { port } = await startEngine(routeTo(server))
    await httpGet({ port, path: '/second' })
    server.state.sockets[0]?.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(`${code}`))
    await httpGet({ port, path: '/first' })
    await eventually(() => server.state.sockets[0]?.destroyed === true, 'the connection ends')
    expect(errors).toEqual(['ECONNRESET'])
  })
})

/** Responses with an end of their own, behind which a server sends more. */
const WHOLE = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
]

describe('bytes on an idle connection', () => {
  it.each(Array.from({ length: 256 }, (_, byte) => byte))('end it, whatever they are: %i', async (byte) => {
    const server = await startBroken(WHOLE[0] as string, [], 'while it is idle')
    const { port, engine } = await startOpenEngine(routeTo(server))
    await httpGet({ port, path: '/first' })
    await eventually(() => engine.inFlight.size === 0, 'the exchange is over')
    server.state.first?.write(Buffer.from([byte]))
    await eventually(() => server.state.first?.destroyed === true, 'the connection ends')
    await isAnsweredItself(port)
  })

  for (const whole of WHOLE)
    for (const [what, late] of Object.entries(LATE))
      it(`reach nobody: ${JSON.stringify(whole)}, ${what}`, async () => {
        for (const when of ['with the head', 'while it is idle'] as const) {
          const server = await startBroken(whole, late, when)
          const { port } = await startEngine(routeTo(server), { retry: { attempts: 1 } })
          await httpGet({ port, path: '/first' })
          if (when === 'while it is idle') await server.sendLate()
          await eventually(() => server.state.first?.destroyed === true, 'the connection ends')
          await isAnsweredItself(port)
        }
      })
})
