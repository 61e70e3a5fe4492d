import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { RequestHandler } from './handlers.js'
import { HeldReading } from './held-reading.js'

/** Safe methods: they change nothing on a server (RFC 9110, 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * Maximum number of requests that may wait in the whole proxy. A
 * request takes about 2 KiB, and Node makes up to 2,500 of one read.
 */
const MAX_WAITING = 8_192

/** Number of requests that may always wait on a connection, even if the whole proxy has too many. */
const FREE_WAITING = 16

const PIPELINE = Symbol('pipeline')

/** A socket with the fields that node:http and this file add to it. */
type ServedSocket = Socket & { _httpMessage?: ServerResponse | null; [PIPELINE]?: Pipeline | undefined }

interface WaitingRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly next: Next | undefined
  readonly begin: RequestHandler
}

type Next = Parameters<RequestHandler>[2]

/**
 * Lets the pipelined requests of each connection begin in order. Node emits all of them at once. If they all began
 * at once, each would take a server connection. A GET could then overtake the PUT before it (RFC 9112, 9.3.2).
 */
export class Pipelines {
  /** Maximum number of requests of one connection that may be under way together: `limits.pipelined`. */
  readonly limit: number
  #waiting = 0
  /** Pipelines with more than `FREE_WAITING` waiting requests. */
  readonly #long = new Set<Pipeline>()

  constructor(limit: number) {
    this.limit = limit
  }

  /**
   * Returns whether a request must wait for earlier requests of its connection. Called only
   * if the request's response has no socket yet, because earlier responses are under way.
   *
   * @param begin called when it is the request's turn; never called if the connection ends first
   */
  mustWait(begin: RequestHandler, req: IncomingMessage, res: ServerResponse, next?: Next): boolean {
    const socket = req.socket as ServedSocket
    const { _httpMessage: front } = socket
    // After a connection has closed, Node still parses the bytes that it has read. Such a request never begins.
    if (socket.destroyed) return true
    if (!front || front === res || res.writableEnded) return false
    socket[PIPELINE] ??= new Pipeline(socket, this)
    const pipeline = socket[PIPELINE]
    // The host has passed the request on to a second proxy or entry point. It would wait for itself here.
    if (pipeline.hasBegun(res)) return false
    pipeline.begunBefore(front)
    if (pipeline.admits(req)) {
      pipeline.begun(res)
      return false
    }
    pipeline.wait({ req, res, next, begin })
    return true
  }

  /** Counts one more waiting request. */
  joined(pipeline: Pipeline): void {
    this.#waiting += 1
    if (pipeline.length > FREE_WAITING) this.#long.add(pipeline)
    if (this.#waiting > MAX_WAITING) this.#endLongest()
  }

  /** Counts requests that no longer wait, for whatever reason. */
  left(pipeline: Pipeline, count: number): void {
    this.#waiting -= count
    if (pipeline.length <= FREE_WAITING) this.#long.delete(pipeline)
  }

  /** Ends the connection with the most waiting requests. Its client must send the unanswered ones again (RFC 9112, 9.3.2). */
  #endLongest(): void {
    let longest: Pipeline | undefined
    for (const pipeline of this.#long) if (pipeline.length > (longest?.length ?? 0)) longest = pipeline
    longest?.end()
  }
}

/**
 * Returns whether a connection is not read because its requests wait.
 * A head that is incomplete for that reason is not the client's fault.
 *
 * @param then called once the connection is read again
 */
export function isHeld(socket: Duplex, then: () => void): boolean {
  const pipeline = (socket as ServedSocket)[PIPELINE]
  if (!pipeline?.isHeld) return false
  pipeline.onReleased = then
  return true
}

/**
 * Returns whether other requests came after this one on its connection.
 * They would be lost if the connection ended with this response.
 */
export function hasBehind(socket: Duplex, res: ServerResponse): boolean {
  return (socket as ServedSocket)[PIPELINE]?.hasBehind(res) ?? false
}

/** The overlapping requests of one connection, from the first that came while another was under way. */
class Pipeline {
  readonly #socket: ServedSocket
  readonly #pipelines: Pipelines
  readonly #underWay = new Set<ServerResponse>()
  readonly #waiting: WaitingRequest[] = []
  /** Number of unsafe requests under way. */
  #unsafe = 0
  #held: HeldReading | undefined
  onReleased: (() => void) | undefined

  constructor(socket: ServedSocket, pipelines: Pipelines) {
    this.#socket = socket
    this.#pipelines = pipelines
    // Node does not tell a response without a socket that the connection has closed.
    socket.once('close', this.#forget)
  }

  get length(): number {
    return this.#waiting.length
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Returns whether a request that has just come may begin. */
  admits(req: IncomingMessage): boolean {
    return this.#waiting.length === 0 && this.#fits(req)
  }

  /** Returns whether a request may begin beside those under way. All of them must be safe. */
  #fits({ method = '' }: IncomingMessage): boolean {
    const { size } = this.#underWay
    return size === 0 || (size < this.#pipelines.limit && this.#unsafe === 0 && SAFE.has(method))
  }

  hasBegun(res: ServerResponse): boolean {
    return this.#underWay.has(res)
  }

  /** Returns whether another request waits, or has begun after this one. */
  hasBehind(res: ServerResponse): boolean {
    const newest = [...this.#underWay].at(-1)
    return this.#waiting.length > 0 || (newest !== undefined && newest !== res)
  }

  /** Notes that the response which has the socket is under way, unless its request still waits. */
  begunBefore(front: ServerResponse): void {
    if (!this.#underWay.has(front) && !this.#waiting.some(({ res }) => res === front)) this.begun(front)
  }

  /** Notes that a response is under way, whether the proxy or the host writes it. */
  begun(res: ServerResponse): void {
    if (this.#underWay.has(res)) return
    this.#underWay.add(res)
    const unsafe = SAFE.has(res.req?.method ?? '') ? 0 : 1
    this.#unsafe += unsafe
    res.once('close', () => {
      this.#underWay.delete(res)
      this.#unsafe -= unsafe
      // Waits until the server connection is free. The next request then takes that one instead of opening another.
      setImmediate(this.#proceed)
    })
  }

  wait(request: WaitingRequest): void {
    this.#waiting.push(request)
    // The requests before this one arrived completely, because it came after them. No request needs the next bytes yet.
    this.#held ??= HeldReading.of(this.#socket)
    this.#pipelines.joined(this)
  }

  /** Ends the connection, and with it all requests that wait on it. */
  end(): void {
    this.#forget()
    this.#socket.destroy()
  }

  readonly #proceed = (): void => {
    const socket = this.#socket
    // A response that ends its connection is the last one. Requests after it are ignored (RFC 9112, 9.6).
    if (socket.destroyed || !socket.writable) return this.#forget()
    const { _httpMessage: front } = socket
    if (front && this.#waiting.length > 0) this.#letFrontBegin(front)
    for (let [first] = this.#waiting; first && this.#fits(first.req); [first] = this.#waiting)
      this.#begin(first)
    if (this.#waiting.length > 0) return
    this.#release()
    // The kept bytes may have held requests, so the state is checked again.
    if (this.#underWay.size === 0 && this.#waiting.length === 0) this.#dissolve()
  }

  /**
   * Begins the request whose response has the socket, whatever else is under way. No other response can
   * leave before it. A host that waits before it passes requests on may pass them in another order.
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

  /** Removes this pipeline. The next request that overlaps with another makes a new one. */
  #dissolve(): void {
    this.#socket.off('close', this.#forget)
    if (this.#socket[PIPELINE] === this) this.#socket[PIPELINE] = undefined
  }
}
