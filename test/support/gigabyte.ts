import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'vitest'
import { openRaw, routeTo, settled, startEngine, startServer } from './live-engine.js'
import { eventually } from './next-event.js'

const MB = 1024 * 1024
const MOST_GROWTH_MB = 64
/** A slow side takes so much, then nothing until everything before it stands still. */
const GULP = 64 * MB

/** What was let go of is not in memory, though it may lie there for a while yet. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** What is in memory, in megabytes, over what was; looked at whenever everything stands still. */
class Growth {
  readonly #before: number
  #peak = 0

  constructor() {
    collectGarbage()
    this.#before = Growth.#now()
  }

  static #now(): number {
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  look(): void {
    collectGarbage()
    this.#peak = Math.max(this.#peak, Growth.#now() - this.#before)
  }

  get megabytes(): number {
    return Math.round(this.#peak / MB)
  }
}

/** Writes so many bytes as fast as they are taken. */
function pour(to: NodeJS.WritableStream, size: number, onSent: (bytes: number) => void): void {
  const chunk = Buffer.alloc(256 * 1024, 'x')
  let sent = 0
  const write = () => {
    while (sent < size) {
      sent += chunk.length
      onSent(chunk.length)
      if (!to.write(chunk)) return void to.once('drain', write)
    }
  }
  write()
}

async function digestOf(size: number): Promise<string> {
  const digest = createHash('md5')
  const chunk = Buffer.alloc(MB, 'x')
  for (let done = 0; done < size; done += MB) digest.update(chunk)
  return digest.digest('hex')
}

/** Takes what comes in gulps; after each, waits until the other end stands still, and looks at the memory. */
async function sip(
  from: NodeJS.ReadableStream,
  size: number,
  sent: () => number,
  growth: Growth,
): Promise<string> {
  const digest = createHash('md5')
  let taken = 0
  let gulp = GULP
  from.on('data', (chunk: Buffer) => {
    digest.update(chunk)
    taken += chunk.length
    if (taken >= gulp) from.pause()
  })
  from.resume()
  for (; gulp < size; gulp += GULP) {
    await eventually(() => taken >= gulp, 'the next gulp', 30_000)
    const standing = await settled(sent)
    growth.look()
    // What is under way lies in the buffers of the system, of three connections.
    expect(standing - taken).toBeLessThan(MOST_GROWTH_MB * MB)
    from.resume()
  }
  await eventually(() => taken >= size, 'the rest', 30_000)
  return digest.digest('hex')
}

export async function expectSlowDownload(megabytes: number): Promise<void> {
  const size = megabytes * MB
  let sent = 0
  const server = await startServer((_req, res) => {
    res.setHeader('Content-Length', size)
    pour(res, size, (bytes) => {
      sent += bytes
    })
  })
  const { port } = await startEngine(routeTo(server))
  const client = await openRaw(port)
  client.socket.removeAllListeners('data').pause()
  const growth = new Growth()
  client.sendHead('GET / HTTP/1.1', 'Host: a')
  const head = await new Promise<Buffer>((resolve) => client.socket.once('data', resolve).resume())
  client.socket.pause()
  client.socket.unshift(head.subarray(head.indexOf('\r\n\r\n') + 4))
  expect(await sip(client.socket, size, () => sent, growth)).toBe(await digestOf(size))
  console.log(`download of ${megabytes} MB to a slow client: ${growth.megabytes} MB more in memory`)
  expect(growth.megabytes).toBeLessThan(MOST_GROWTH_MB)
}

export async function expectSlowUpload(megabytes: number): Promise<void> {
  const size = megabytes * MB
  let sent = 0
  const growth = new Growth()
  const server = await startServer(async (req, res) => {
    res.end(await sip(req, size, () => sent, growth))
  })
  const { port } = await startEngine(routeTo(server))
  const client = await openRaw(port)
  client.sendHead('POST / HTTP/1.1', 'Host: a', `Content-Length: ${size}`)
  pour(client.socket, size, (bytes) => {
    sent += bytes
  })
  await client.until(await digestOf(size), 120_000)
  console.log(`upload of ${megabytes} MB to a slow server: ${growth.megabytes} MB more in memory`)
  expect(growth.megabytes).toBeLessThan(MOST_GROWTH_MB)
}
