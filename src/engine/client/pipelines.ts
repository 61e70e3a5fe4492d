import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { RequestHandler } from './handlers.js'
import { HeldReading } from './held-reading.js'

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Requests that may wait in a whole proxy. One takes about 2 KiB; Node makes up to 2,500 of one read. */
const MAX_WAITING = 8_192

/** Requests that may wait on each connection whatever the others do. */
const FREE_WAITING = 16

const PIPELINE = Symbol('pipeline')

/** What node:http and this file add to a socket. */
type ServedSocket = Socket & { _httpMessage?: ServerResponse | null; [PIPELINE]?: Pipeline | undefined }

interface WaitingRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly next: Next | undefined
  readonly begin: RequestHandler
}

type Next = Parameters<RequestHandler>[2]

/**
 * Lets the requests of each connection begin in their turn. Node emits every request of a connection that pipelines at once;
 * dispatched at once, each would take a server connection, and a GET could overtake the PUT before it (RFC 9112, 9.3.2).
 */
export class Pipelines {
  /** `limits.pipelined`. */
  readonly limit: number
  #waiting = 0
  /** Those with more than `FREE_WAITING`. */
  readonly #long = new Set<Pipeline>()

  constructor(limit: number) {
    this.limit = limit
  }

  /**
   * Whether a request has to wait for others of its connection. Only for one whose response has no socket yet: others
   * are under way before it.
   *
   * @param begin called in its turn; never, if the connection ends before
   */
  mustWait(begin: RequestHandler, req: IncomingMessage, res: ServerResponse, next?: Next): boolean {
    const socket = req.socket as ServedSocket
    const { _httpMessage: front } = socket
    // Node parses to its end what it has read of a connection that is gone.
    if (socket.destroyed) return true
    if (!front || front === res || res.writableEnded) return false
    socket[PIPELINE] ??= new Pipeline(socket, this)
    const pipeline = socket[PIPELINE]
    // A second proxy of the host's, or a second entry point: it would wait for itself.
    if (pipeline.hasBegun(res)) return false
    pipeline.begunBefore(front)
    if (pipeline.admits(req)) {
      pipeline.begun(res)
      return false
    }
    pipeline.wait({ req, res, next, begin })
    return true
  }

  /** One more waits. */
  joined(pipeline: Pipeline): void {
    this.#waiting += 1
    if (pipeline.length > FREE_WAITING) this.#long.add(pipeline)
    if (this.#waiting > MAX_WAITING) this.#endLongest()
  }

  /** So many have stopped waiting, whatever became of them. */
  left(pipeline: Pipeline, count: number): void {
    this.#waiting -= count
    if (pipeline.length <= FREE_WAITING) this.#long.delete(pipeline)
  }

  /** The connection that has made the others wait pays. Its client sends anew what was not answered (RFC 9112, 9.3.2). */
  #endLongest(): void {
    let longest: Pipeline | undefined
    for (const pipeline of this.#long) if (pipeline.length > (longest?.length ?? 0)) longest = pipeline
    longest?.end()
  }
}

/**
 * Whether a connection is not read because its requests wait. A head that is cut in two by that is not its client's fault.
 *
 * @param then called once it is read again
 */
export function isHeld(socket: Duplex, then: () => void): boolean {
  const pipeline = (socket as ServedSocket)[PIPELINE]
  if (!pipeline?.isHeld) return false
  pipeline.onReleased = then
  return true
}

/** Whether requests have come behind one on its connection: they would be lost if that ended with its response. */
export function hasBehind(socket: Duplex, res: ServerResponse): boolean {
  return (socket as ServedSocket)[PIPELINE]?.hasBehind(res) ?? false
}

/** The requests of one connection, from the first that found another before it to the last of them. */
class Pipeline {
  readonly #socket: ServedSocket
  readonly #all: Pipelines
  readonly #underWay = new Set<ServerResponse>()
  readonly #waiting: WaitingRequest[] = []
  /** Of those under way. */
  #unsafe = 0
  #held: HeldReading | undefined
  onReleased: (() => void) | undefined

  constructor(socket: ServedSocket, all: Pipelines) {
    this.#socket = socket
    this.#all = all
    // Responses that have no socket yet are not told of its end.
    socket.once('close', this.#forget)
  }

  get length(): number {
    return this.#waiting.length
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Whether a request that has just come may begin. */
  admits(req: IncomingMessage): boolean {
    return this.#waiting.length === 0 && this.#fits(req)
  }

  /** More than one is under way only while all of them are safe. */
  #fits({ method = '' }: IncomingMessage): boolean {
    const { size } = this.#underWay
    return size === 0 || (size < this.#all.limit && this.#unsafe === 0 && SAFE.has(method))
  }

  hasBegun(res: ServerResponse): boolean {
    return this.#underWay.has(res)
  }

  /** Whether another waits, or has begun after it. */
  hasBehind(res: ServerResponse): boolean {
    const newest = [...this.#underWay].at(-1)
    return this.#waiting.length > 0 || (newest !== undefined && newest !== res)
  }

  /** The response that has the socket is under way, unless its request has yet to begin. */
  begunBefore(front: ServerResponse): void {
    if (!this.#underWay.has(front) && !this.#waiting.some(({ res }) => res === front)) this.begun(front)
  }

  /** Its response is under way, be it ours or a host's. */
  begun(res: ServerResponse): void {
    if (this.#underWay.has(res)) return
    this.#underWay.add(res)
    const unsafe = SAFE.has(res.req?.method ?? '') ? 0 : 1
    this.#unsafe += unsafe
    res.once('close', () => {
      this.#underWay.delete(res)
      this.#unsafe -= unsafe
      // Until then its server connection has come free: the next request takes it, and makes none of its own.
      setImmediate(this.#proceed)
    })
  }

  wait(request: WaitingRequest): void {
    this.#waiting.push(request)
    // All before it have come whole, for it has come behind them: nobody needs what follows.
    this.#held ??= HeldReading.of(this.#socket)
    this.#all.joined(this)
  }

  /** Ends the connection and all that waits on it. */
  end(): void {
    this.#forget()
    this.#socket.destroy()
  }

  readonly #proceed = (): void => {
    const socket = this.#socket
    // A response that ends its connection is the last one, whatever was sent behind its request (RFC 9112, 9.6).
    if (socket.destroyed || !socket.writable) return this.#forget()
    const { _httpMessage: front } = socket
    if (front && this.#waiting.length > 0) this.#letFrontBegin(front)
    for (let [first] = this.#waiting; first && this.#fits(first.req); [first] = this.#waiting)
      this.#begin(first)
    if (this.#waiting.length > 0) return
    this.#release()
    // What was kept may have held requests.
    if (this.#underWay.size === 0 && this.#waiting.length === 0) this.#dissolve()
  }

  /**
   * A host that waits before it gives requests on may give them in another order than they came in. The one whose response
   * has the socket begins whatever else is under way: no other response leaves before it.
   */
  #letFrontBegin(front: ServerResponse): void {
    const waiting = this.#waiting.find(({ res }) => res === front)
    if (waiting) this.#begin(waiting)
    else this.begun(front)
  }

  #begin(waiting: WaitingRequest): void {
    const { req, res, next, begin } = waiting
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
    this.#all.left(this, 1)
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
    this.#all.left(this, length)
    this.#dissolve()
  }

  /** The next request that finds another before it begins a new one. */
  #dissolve(): void {
    this.#socket.off('close', this.#forget)
    if (this.#socket[PIPELINE] === this) this.#socket[PIPELINE] = undefined
  }
}
