import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { RequestHandler } from './handlers.js'
import { HeldReading } from './held-reading.js'

/** Names of safe HTTP methods: a request by such a method changes nothing on a server (RFC 9110, 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Maximum number of pipelined requests that may wait in the whole proxy. A waiting request takes
 * about 2 KiB of memory, and Node parses up to 2,500 requests out of one read of a socket.
 */
const MAX_WAITING = 8_192

/** Number of waiting requests that a connection may always have, even if too many requests wait in the whole proxy. */
const FREE_WAITING = 16

const PIPELINE = Symbol('pipeline')

/** A client's socket with the fields that node:http and this file add to it. */
type ServedSocket = Socket & { _httpMessage?: ServerResponse | null; [PIPELINE]?: Pipeline | undefined }

interface WaitingRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly next: Next | undefined
  readonly begin: RequestHandler
}

type Next = Parameters<RequestHandler>[2]

/**
 * Starts the pipelined requests of each client connection in order. Node emits all of them at once. If all started
 * at once, each would take a connection to a server. A GET could then overtake the PUT before it (RFC 9112, 9.3.2).
 */
export class Pipelines {
  /** Maximum number of requests of one connection that are served at the same time: `limits.pipelined`. */
  readonly limit: number
  #waiting = 0
  /** The connections on which more than `FREE_WAITING` requests wait. */
  readonly #long = new Set<Pipeline>()

  constructor(limit: number) {
    this.limit = limit
  }

  /**
   * Returns whether a request must wait for earlier requests of its connection. The caller asks only
   * for a request whose response has no socket yet, because earlier responses are still being written.
   *
   * @param begin called when the request may start; never called if the connection closes first
   */
  mustWait(begin: RequestHandler, req: IncomingMessage, res: ServerResponse, next?: Next): boolean {
    const socket = req.socket as ServedSocket
    const { _httpMessage: front } = socket
    // If the connection has closed, the request never starts. Node still parses the bytes that it read before.
    if (socket.destroyed) return true
    if (!front || front === res || res.writableEnded) return false
    socket[PIPELINE] ??= new Pipeline(socket, this)
    const pipeline = socket[PIPELINE]
    // If the request has already started, the application has passed it
    // to a second proxy or entry point. It must not wait for itself.
    if (pipeline.hasBegun(res)) return false
    pipeline.begunBefore(front)
    if (pipeline.admits(req)) {
      pipeline.begun(res)
      return false
    }
    pipeline.wait({ req, res, next, begin })
    return true
  }

  /** Counts one more waiting request. If too many wait in the whole proxy, closes the connection with the most of them. */
  joined(pipeline: Pipeline): void {
    this.#waiting += 1
    if (pipeline.length > FREE_WAITING) this.#long.add(pipeline)
    if (this.#waiting > MAX_WAITING) this.#endLongest()
  }

  /** Subtracts `count` requests that no longer wait, because they have started or because their connection has closed. */
  left(pipeline: Pipeline, count: number): void {
    this.#waiting -= count
    if (pipeline.length <= FREE_WAITING) this.#long.delete(pipeline)
  }

  /** Closes the connection with the most waiting requests. The client must send these requests again (RFC 9112, 9.3.2). */
  #endLongest(): void {
    let longest: Pipeline | undefined
    for (const pipeline of this.#long) if (pipeline.length > (longest?.length ?? 0)) longest = pipeline
    longest?.end()
  }
}

/**
 * Returns whether the proxy withholds the bytes of a connection from Node's parser, because
 * requests on it wait. A request head that is incomplete for that reason is not the client's fault.
 *
 * @param then called once Node's parser gets the bytes of the connection again
 */
export function isHeld(socket: Duplex, then: () => void): boolean {
  const pipeline = (socket as ServedSocket)[PIPELINE]
  if (!pipeline?.isHeld) return false
  pipeline.onReleased = then
  return true
}

/**
 * Returns whether other requests came on the connection after the request of this
 * response. These requests would be lost if the connection closed with this response.
 */
export function hasBehind(socket: Duplex, res: ServerResponse): boolean {
  return (socket as ServedSocket)[PIPELINE]?.hasBehind(res) ?? false
}

/** The pipelined requests of one client connection. The object is created when a request comes while another is being served. */
class Pipeline {
  readonly #socket: ServedSocket
  readonly #pipelines: Pipelines
  readonly #underWay = new Set<ServerResponse>()
  readonly #waiting: WaitingRequest[] = []
  /** Number of requests in `#underWay` whose method is not safe, which means that they may change something on a server. */
  #unsafe = 0
  #held: HeldReading | undefined
  onReleased: (() => void) | undefined

  constructor(socket: ServedSocket, pipelines: Pipelines) {
    this.#socket = socket
    this.#pipelines = pipelines
    // Drops the waiting requests when the connection closes. Node does not report the close to a response without a socket.
    socket.once('close', this.#forget)
  }

  get length(): number {
    return this.#waiting.length
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Returns whether a request that has just arrived may start at once. */
  admits(req: IncomingMessage): boolean {
    return this.#waiting.length === 0 && this.#fits(req)
  }

  /** Returns whether a request may start while others are being served. The methods of all of them must be safe. */
  #fits({ method = '' }: IncomingMessage): boolean {
    const { size } = this.#underWay
    return size === 0 || (size < this.#pipelines.limit && this.#unsafe === 0 && SAFE.has(method))
  }

  hasBegun(res: ServerResponse): boolean {
    return this.#underWay.has(res)
  }

  /** Returns whether another request waits on this connection, or has started after the request of this response. */
  hasBehind(res: ServerResponse): boolean {
    const newest = [...this.#underWay].at(-1)
    return this.#waiting.length > 0 || (newest !== undefined && newest !== res)
  }

  /** Counts the response that Node is writing to the socket as being served, unless its request still waits. */
  begunBefore(front: ServerResponse): void {
    if (!this.#underWay.has(front) && !this.#waiting.some(({ res }) => res === front)) this.begun(front)
  }

  /** Counts a response as being served, whether the proxy or the application's own code writes it. */
  begun(res: ServerResponse): void {
    if (this.#underWay.has(res)) return
    this.#underWay.add(res)
    const unsafe = SAFE.has(res.req?.method ?? '') ? 0 : 1
    this.#unsafe += unsafe
    res.once('close', () => {
      this.#underWay.delete(res)
      this.#unsafe -= unsafe
      // Starts the next request one turn later. By then the connection to the server is free, and the request can reuse it.
      setImmediate(this.#proceed)
    })
  }

  wait(request: WaitingRequest): void {
    this.#waiting.push(request)
    // Withholds further bytes from Node's parser. The earlier requests
    // have arrived completely, so none of them needs these bytes.
    this.#held ??= HeldReading.of(this.#socket)
    this.#pipelines.joined(this)
  }

  /** Closes the connection. The requests that wait on it never start. */
  end(): void {
    this.#forget()
    this.#socket.destroy()
  }

  readonly #proceed = (): void => {
    const socket = this.#socket
    // If the connection is closing after its last response, later requests on it are ignored (RFC 9112, 9.6).
    if (socket.destroyed || !socket.writable) return this.#forget()
    const { _httpMessage: front } = socket
    if (front && this.#waiting.length > 0) this.#letFrontBegin(front)
    for (let [first] = this.#waiting; first && this.#fits(first.req); [first] = this.#waiting)
      this.#begin(first)
    if (this.#waiting.length > 0) return
    this.#release()
    // Checks again whether requests are left, because the released bytes may have contained new requests.
    if (this.#underWay.size === 0 && this.#waiting.length === 0) this.#dissolve()
  }

  /**
   * Starts the request to whose response Node has given the socket, whatever else is being served. No other response
   * can be written before that one. An application that delays requests may pass them to the proxy in another order.
   */
  #letFrontBegin(front: ServerResponse): void {
    const waiting = this.#waiting.find(({ res }) => res === front)
    if (waiting) this.#begin(waiting)
    else this.begun(front)
  }

  #begin(waiting: WaitingRequest): void {
    const { req, res, next, begin } = waiting
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
    this.#pipelines.left(this, 1)
    this.begun(res)
    begin(req, res, next)
  }

  #release(): void {
    const { onReleased } = this
    this.onReleased = undefined
    const held = this.#held
    this.#held = undefined
    held?.release()
    if (held) onReleased?.()
  }

  readonly #forget = (): void => {
    const { length } = this.#waiting
    this.#waiting.length = 0
    this.#pipelines.left(this, length)
    this.#dissolve()
  }

  /** Removes this object from the socket. The next request that comes while another is being served creates a new one. */
  #dissolve(): void {
    this.#socket.off('close', this.#forget)
    if (this.#socket[PIPELINE] === this) this.#socket[PIPELINE] = undefined
  }
}
