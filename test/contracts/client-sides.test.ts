import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Duplex, duplexPair, PassThrough, Readable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ClientSide, ClientWatcher } from '../../src/engine/client/client-side.js'
import { Intake } from '../../src/engine/client/http1/intake.js'
import { LingeringClose } from '../../src/engine/client/http1/lingering-close.js'
import { InMemoryClient, type InMemoryResponse } from '../../src/engine/client/in-memory-client.js'
import type { InMemoryRequest } from '../../src/engine/client/in-memory-request.js'
import { failuresOf, ProxyEmitter } from '../../src/engine/events/proxy-emitter.js'
import { DEFAULT_LIMITS } from '../../src/model/limits.js'
import { eventually } from '../support/next-event.js'

/** What a client has received, whatever it speaks. */
type Received = Pick<
  InMemoryResponse,
  'status' | 'headers' | 'body' | 'trailers' | 'information' | 'isComplete' | 'tunnel'
>

/** A client that has sent a request, and what the engine sees of it. */
interface Opened {
  readonly side: ClientSide
  readonly watcher: { readonly [Name in keyof ClientWatcher]: ReturnType<typeof vi.fn> }
  readonly response: Promise<Received>
  stopReading(): void
  goOnReading(): void
  leave(): void
}

function watched(side: ClientSide): Pick<Opened, 'side' | 'watcher'> {
  const watcher = { clientClosed: vi.fn(), clientFailed: vi.fn() }
  side.watch(watcher)
  return { side, watcher }
}

async function openInMemory(sent: InMemoryRequest): Promise<Opened> {
  const side = new InMemoryClient(sent)
  return {
    ...watched(side),
    response: side.response,
    stopReading: () => side.stopReading(),
    goOnReading: () => side.goOnReading(),
    leave: () => side.leave(),
  }
}

/** Sends the request with Node's client over a real connection. */
async function openHttp1(sent: InMemoryRequest): Promise<Opened> {
  const failures = failuresOf(new ProxyEmitter())
  const intake = new Intake(DEFAULT_LIMITS, failures, new LingeringClose(DEFAULT_LIMITS), ['chat'])
  const server = createServer()
  const taken = new Promise<ClientSide>((resolve) => {
    const { handler, upgrade } = intake.handlersFor(resolve, resolve, () => true)
    server.on('request', handler).on('checkContinue', handler).on('upgrade', upgrade)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const asked = request({
    port,
    method: sent.method ?? 'GET',
    path: sent.target ?? '/',
    headers: linesOf(sent),
  })
  let reads = true
  let incoming: IncomingMessage | undefined
  const response = new Promise<Received>((resolve) => {
    const information: { status: number; headers: readonly string[] }[] = []
    const none = { status: undefined, headers: [], body: Buffer.alloc(0), trailers: [], tunnel: undefined }
    asked.on('information', ({ statusCode, rawHeaders }) =>
      information.push({ status: statusCode, headers: rawHeaders }),
    )
    asked.on('error', () => resolve({ ...none, information, isComplete: false }))
    asked.on('upgrade', ({ statusCode: status, rawHeaders: headers }, tunnel) => {
      onTestFinished(() => void tunnel.destroy())
      resolve({ ...none, status, headers, information, isComplete: true, tunnel })
    })
    asked.on('response', (res) => {
      incoming = res
      const chunks: Buffer[] = []
      res.on('data', (chunk) => chunks.push(chunk))
      if (!reads) res.pause()
      res.on('error', () => {})
      res.on('close', () => {
        const { statusCode: status, rawHeaders: headers, rawTrailers, complete: isComplete } = res
        const body = Buffer.concat(chunks)
        resolve({ ...none, status, headers, body, trailers: pairs(rawTrailers), information, isComplete })
      })
    })
  })
  if (sent.trailers) asked.addTrailers(pairs(sent.trailers))
  if (sent.body instanceof Readable) {
    asked.flushHeaders()
    sent.body.pipe(asked)
  } else asked.end(sent.body)
  return {
    ...watched(await taken),
    response,
    stopReading: () => {
      reads = false
      incoming?.pause()
    },
    goOnReading: () => {
      reads = true
      incoming?.resume()
    },
    leave: () => void asked.destroy(),
  }
}

function linesOf({ headers = [], body, upgradeProtocol }: InMemoryRequest): string[] {
  return [
    'Host',
    'a.test',
    ...headers,
    ...(typeof body === 'string' ? ['Content-Length', String(body.length)] : []),
    ...(body instanceof Readable ? ['Transfer-Encoding', 'chunked'] : []),
    ...(upgradeProtocol ? ['Connection', 'Upgrade', 'Upgrade', upgradeProtocol] : []),
  ]
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] as string] as [string, string]] : []))
}

const fieldIn = ({ headers }: Received, name: string) =>
  pairs(headers).find(([each]) => each.toLowerCase() === name)?.[1]

describe.each([
  ['HTTP/1', openHttp1],
  ['in memory', openInMemory],
] as const)('the client side, %s', (_name, open) => {
  it('shows the request as it came', async () => {
    const { side } = await open({
      method: 'PUT',
      target: '/a%2Fb?c',
      headers: ['X-One', '1', 'x-one', '2', 'Via', '1.1 other'],
      body: 'hello',
    })
    expect(side).toMatchObject({ method: 'PUT', target: '/a%2Fb?c', httpVersion: '1.1', hasBody: true })
    expect(pairs(side.rawHeaders)).toEqual(
      expect.arrayContaining([
        ['X-One', '1'],
        ['x-one', '2'],
      ]),
    )
    expect(side.headers).toMatchObject({ 'x-one': '1, 2', via: '1.1 other', 'content-length': '5' })
    const { connection } = side
    expect(connection).toMatchObject({ isOpen: true, isLocal: false, isEncrypted: false, isBusy: true })
    expect([connection.peerAddress, connection.peerPort]).toEqual([expect.any(String), expect.any(Number)])
    expect(side.connection).toBe(connection)
    expect([side.status, side.hasEnded, side.isSent, side.isGone]).toEqual([undefined, false, false, false])
    expect(() => side.checkParsed()).not.toThrow()
  })

  it('has no body where none was sent, and has all of it then', async () => {
    const { side } = await open({})
    await eventually(() => side.isComplete, 'the request has arrived')
    expect([side.hasBody, side.upgradeProtocol]).toEqual([false, undefined])
  })

  it('gives the body no faster than it is read, then the trailers', async () => {
    const source = new PassThrough()
    const { side } = await open({ method: 'POST', body: source, trailers: ['X-Sum', '7'] })
    expect([side.hasBody, side.isComplete]).toEqual([true, false])
    Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(3_000, 'x'))).pipe(source)
    // Nothing is read yet, so what the side holds is far less than the body.
    await eventually(() => side.body.readableLength > 0, 'the body begins')
    expect(side.body.readableFlowing).toBeNull()
    expect(side.body.readableLength).toBeLessThan(200_000)
    let bytes = 0
    for await (const chunk of side.body) bytes += chunk.length
    expect(bytes).toBe(300_000)
    expect(side.isComplete).toBe(true)
    expect(side.trailers).toEqual(['X-Sum', '7'])
  })

  it('sends a head, a body in pieces, and the end', async () => {
    const { side, response, watcher } = await open({})
    side.sendHead(201, 'Well Made', ['X-A', '1', 'x-a', '2', 'Content-Length', '6'])
    expect(side.status).toBe(201)
    side.flushHead()
    side.write(Buffer.from('one'))
    side.write(Buffer.from('two'))
    expect(side.hasEnded).toBe(false)
    side.end()
    const got = await response
    expect(got).toMatchObject({ status: 201, body: Buffer.from('onetwo'), isComplete: true })
    expect(pairs(got.headers)).toEqual(
      expect.arrayContaining([
        ['X-A', '1'],
        ['x-a', '2'],
      ]),
    )
    await eventually(() => watcher.clientClosed.mock.calls.length > 0, 'the watcher is told')
    expect([side.hasEnded, side.isSent]).toEqual([true, true])
  })

  it('sends a small body with its head, and a whole body with the end', async () => {
    const joined = await open({})
    joined.side.sendHead(200, undefined, ['Content-Length', '2'])
    expect(joined.side.writeLast(Buffer.from('ok'))).toBe(true)
    expect(await joined.response).toMatchObject({ status: 200, body: Buffer.from('ok'), isComplete: true })
    const whole = await open({})
    whole.side.sendHead(404, undefined, ['Content-Length', '3'])
    whole.side.end('no\n')
    expect(await whole.response).toMatchObject({ status: 404, body: Buffer.from('no\n') })
  })

  it('sends trailers after the body', async () => {
    const { side, response } = await open({})
    side.sendHead(200, undefined, ['Trailer', 'X-Sum'])
    side.write(Buffer.from('body'))
    side.endWith([['X-Sum', '9']])
    expect(await response).toMatchObject({ body: Buffer.from('body'), trailers: [['X-Sum', '9']] })
  })

  it('asks for a body that waits, and sends hints before the head', async () => {
    const { side, response } = await open({ method: 'POST', headers: ['Expect', '100-continue'], body: 'x' })
    side.sendContinue()
    side.sendInformation(103, ['Link', '</a.css>; rel=preload'])
    side.sendHead(200, undefined, ['Content-Length', '0'])
    side.end()
    const { information } = await response
    expect(information.map(({ status }) => status)).toEqual([100, 103])
    expect(information[1]?.headers).toEqual(['Link', '</a.css>; rel=preload'])
  })

  it('is full while the client does not read, and calls back once when it has read', async () => {
    const { side, response, stopReading, goOnReading } = await open({})
    stopReading()
    const chunk = Buffer.alloc(256 * 1024, 'x')
    side.sendHead(200, undefined, [])
    let written = 0
    let last = true
    while (written < 200 && (last || !side.isFull)) {
      last = side.write(chunk)
      written += 1
    }
    expect([last, side.isFull]).toEqual([false, true])
    const resume = vi.fn()
    side.whenRoom(resume)
    await new Promise(setImmediate)
    expect(resume).not.toHaveBeenCalled()
    goOnReading()
    await eventually(() => resume.mock.calls.length > 0, 'there is room')
    expect(side.isFull).toBe(false)
    side.end()
    expect((await response).body.length).toBe(written * chunk.length)
    expect(resume).toHaveBeenCalledOnce()
  })

  it('tells of a client that leaves', async () => {
    const { side, watcher, leave } = await open({})
    const closed = vi.fn()
    side.connection.onClose(closed)
    leave()
    await eventually(() => watcher.clientClosed.mock.calls.length > 0, 'the watcher is told')
    await eventually(() => closed.mock.calls.length > 0, 'the connection has closed')
    expect([side.isGone, side.isSent, side.connection.isOpen]).toEqual([true, false, false])
  })

  it('tells nobody of it who watches no more', async () => {
    const { side, watcher, leave } = await open({})
    side.unwatch()
    leave()
    await eventually(() => !side.connection.isOpen, 'the connection has closed')
    await new Promise(setImmediate)
    expect(watcher.clientClosed).not.toHaveBeenCalled()
  })

  it('breaks a response off so that the client sees that it is not whole', async () => {
    const { side, response } = await open({})
    side.sendHead(200, undefined, ['Content-Length', '100'])
    side.write(Buffer.from('only this'))
    side.flushHead()
    await new Promise(setImmediate)
    side.breakOff()
    expect(await response).toMatchObject({ isComplete: false })
  })

  it('is cut before its head', async () => {
    const { side, response, watcher } = await open({})
    side.cut()
    expect(await response).toMatchObject({ status: undefined, isComplete: false })
    await eventually(() => watcher.clientClosed.mock.calls.length > 0, 'the watcher is told')
    expect(side.isGone).toBe(true)
  })

  it('says that its connection closes after the response, and closes it', async () => {
    const { side, response } = await open({})
    side.closeAfter()
    side.sendHead(200, undefined, ['Content-Length', '0'])
    side.end()
    expect(fieldIn(await response, 'connection')).toBe('close')
    await eventually(() => !side.connection.isOpen, 'the connection has closed')
  })

  it('waits for the rest of an upload after the response', async () => {
    const source = new PassThrough()
    const { side, response } = await open({ method: 'POST', body: source })
    source.write('begun')
    side.body.resume()
    side.sendHead(200, undefined, ['Content-Length', '0'])
    side.end()
    await response
    const over = vi.fn()
    expect(side.afterUpload(undefined, over)).toBe(true)
    expect(over).not.toHaveBeenCalled()
    source.end()
    await eventually(() => over.mock.calls.length > 0, 'the upload is over')
    expect(side.afterUpload(undefined, over)).toBe(false)
  })

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('sends no body for %s with %i, and the response is whole', async (method, status) => {
    const { side, response } = await open({ method })
    side.sendHead(status, undefined, ['X-A', '1'])
    side.end()
    const got = await response
    expect(got).toMatchObject({ status, isComplete: true })
    expect([got.body.length, fieldIn(got, 'x-a')]).toEqual([0, '1'])
  })

  it('adds close to a Connection header that is there', async () => {
    const { side, response } = await open({})
    side.closeAfter()
    side.sendHead(426, undefined, ['Upgrade', 'chat', 'Connection', 'Upgrade', 'Content-Length', '0'])
    side.end()
    expect(fieldIn(await response, 'connection')).toBe('Upgrade, close')
  })

  it('becomes a tunnel', async () => {
    const { side, response } = await open({ upgradeProtocol: 'chat' })
    expect(side.upgradeProtocol).toBe('chat')
    const [near, server] = duplexPair()
    const closed = vi.fn()
    side.tunnelTo(near, ['Upgrade', 'chat', 'X-From', 'server'], 'who=1', undefined, closed)
    const got = await response
    expect([got.status, side.status]).toEqual([101, 101])
    expect([fieldIn(got, 'x-from'), fieldIn(got, 'set-cookie')]).toEqual(['server', 'who=1'])
    const client = got.tunnel as Duplex
    client.write('to the server')
    expect(String((await once(server, 'data'))[0])).toBe('to the server')
    server.write('to the client')
    expect(String((await once(client, 'data'))[0])).toBe('to the client')
    client.end()
    server.end()
    await eventually(() => closed.mock.calls.length > 0, 'the tunnel has closed')
  })

  it('counts the bytes that it has sent', async () => {
    const { side, response } = await open({})
    const before = side.connection.bytesWritten
    side.sendHead(200, undefined, ['Content-Length', '50000'])
    side.end(Buffer.alloc(50_000))
    await response
    expect(side.connection.bytesWritten - before).toBeGreaterThanOrEqual(50_000)
  })
})
