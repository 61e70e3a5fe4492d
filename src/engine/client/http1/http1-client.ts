import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { RawFields } from '../../headers/raw-fields.js'
import { addClose } from '../../headers/response-head.js'
import type { ClientSide, ClientWatcher, UnreadBody } from '../client-side.js'
import { hasBody } from '../request-body.js'
import { askForBody } from './ask-for-body.js'
import { breakOff } from './break-off.js'
import { checkParsed } from './check-parsed.js'
import { isFlushable, writeJoined } from './flush-response.js'
import { Http1Connection } from './http1-connection.js'
import type { LingeringClose } from './lingering-close.js'
import type { PendingUpgrade } from './pending-upgrade.js'
import { hasBehind } from './pipelines.js'
import { relayInformation } from './relay-information.js'
import { RoomForResponse } from './room-for-response.js'
import { startTunnel, switchingHead } from './start-tunnel.js'
import { afterUpload } from './unread-upload.js'
import { writeHead } from './write-head.js'

/** The client's side of an exchange over HTTP/1, on top of the request and response objects of `node:http`. */
export class Http1Client implements ClientSide {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly connection: Http1Connection
  readonly #lingering: LingeringClose | undefined
  readonly #upgrade: PendingUpgrade | undefined
  #watcher: ClientWatcher | undefined
  /** Back-pressure of the response. `undefined` until the client is first too slow. */
  #room: RoomForResponse | undefined
  #closes = false

  /**
   * Creates the client's side of a request that Node has parsed.
   *
   * @param lingering closes connections in stages. Without it, Node closes a connection after its last response.
   * @param upgrade the socket of an upgrade request that may become a tunnel
   */
  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    lingering?: LingeringClose,
    upgrade?: PendingUpgrade,
  ) {
    this.req = req
    this.res = res
    this.connection = Http1Connection.of(req.socket)
    this.#lingering = lingering
    this.#upgrade = upgrade
  }

  get method(): string {
    return this.req.method ?? 'GET'
  }

  get target(): string {
    return this.req.url ?? '/'
  }

  get httpVersion(): string {
    return this.req.httpVersion
  }

  get rawHeaders(): readonly string[] {
    return this.req.rawHeaders
  }

  get headers(): IncomingMessage['headers'] {
    return this.req.headers
  }

  get hasBody(): boolean {
    return hasBody(this.req)
  }

  get body(): Readable {
    return this.req
  }

  get trailers(): readonly string[] {
    return this.req.rawTrailers
  }

  get isComplete(): boolean {
    return this.req.complete
  }

  get upgradeProtocol(): string | undefined {
    return this.#upgrade?.protocol
  }

  get observed(): { readonly req: IncomingMessage; readonly res: ServerResponse } {
    return { req: this.req, res: this.res }
  }

  get isGone(): boolean {
    return this.res.destroyed
  }

  get status(): number | undefined {
    const { headersSent, statusCode } = this.res
    return headersSent || statusCode === 101 ? statusCode : undefined
  }

  get hasEnded(): boolean {
    return this.res.writableEnded
  }

  get isSent(): boolean {
    return this.res.writableFinished
  }

  get isFull(): boolean {
    return this.res.writableNeedDrain
  }

  get isBehind(): boolean {
    return this.res.socket === null && !this.res.writableFinished
  }

  get isLast(): boolean {
    return this.connection.isServed && !hasBehind(this.req.socket, this.res)
  }

  get takesTrailers(): boolean {
    return this.req.httpVersion === '1.1'
  }

  get isBuffered(): boolean {
    return isFlushable(this.res)
  }

  checkParsed(): void {
    checkParsed(this.req)
  }

  watch(watcher: ClientWatcher): void {
    this.#watcher = watcher
    this.res.on('error', this.#onError)
    this.res.on('close', this.#onClosed)
    if (this.res.socket !== null) return
    // Listens for 'close' on the socket. A pipelined response that waits for earlier ones does not emit 'close' itself.
    this.req.socket.setMaxListeners(0)
    this.req.socket.on('close', this.#onClosed)
  }

  unwatch(): void {
    this.#watcher = undefined
    this.req.socket.off('close', this.#onClosed)
    this.res.off('close', this.#onClosed)
    this.res.off('error', this.#onError)
  }

  // Without a listener for 'error', a write after the client has left would end the process.
  readonly #onError = (error: Error): void => this.#watcher?.clientFailed(error)

  readonly #onClosed = (): void => {
    this.req.socket.off('close', this.#onClosed)
    this.#watcher?.clientClosed()
  }

  afterUpload(reader: Readable | undefined, then: () => void): boolean {
    return afterUpload(this.req, reader, this.#lingering, then)
  }

  sendInformation(status: number, fields: RawFields): void {
    relayInformation(this.res, status, fields)
  }

  sendContinue(): void {
    askForBody(this.req, this.res)
  }

  sendHead(status: number, reason: string | undefined, headers: string[]): void {
    if (this.#closes) addClose(headers)
    writeHead(this.res, status, reason, headers)
  }

  flushHead(): void {
    this.res.flushHeaders()
  }

  flush(): void {
    if (isFlushable(this.res)) this.res.flush()
  }

  write(chunk: Buffer): boolean {
    return this.res.write(chunk)
  }

  writeLast(chunk: Buffer): boolean {
    return writeJoined(this.res, chunk)
  }

  whenRoom(resume: () => void): void {
    this.#room ??= new RoomForResponse(this.res)
    this.#room.wait(resume)
  }

  end(body?: string | Buffer): void {
    this.res.end(body)
  }

  endWith(trailers: readonly (readonly [string, string])[]): void {
    this.res.addTrailers(trailers as [string, string][])
    this.res.end()
  }

  breakOff(): void {
    breakOff(this.res)
  }

  cut(): void {
    breakOff(this.res)
    // A pipelined response that waits for earlier ones has no socket yet, so `breakOff` closes nothing. Close the connection.
    if (this.res.socket === null && this.res.statusCode !== 101) this.req.socket.destroy()
    this.#upgrade?.socket.destroy()
  }

  closeAfter(unread?: UnreadBody, holdsLimit = false): void {
    this.#closes = true
    this.#lingering?.after(this.req.socket, unread, holdsLimit)
  }

  takeNoMore(): void {
    this.connection.takesNoMore = true
  }

  tunnelTo(
    server: Duplex,
    fields: RawFields,
    cookie: string | undefined,
    tcpKeepAliveMs: number | undefined,
    onClosed: () => void,
  ): void {
    if (!this.#upgrade) throw new TypeError('the client has not asked for another protocol')
    this.res.off('close', this.#onClosed)
    startTunnel(
      this.#upgrade,
      this.res,
      server,
      switchingHead(this.#upgrade.protocol, fields, cookie),
      onClosed,
    )
    this.connection.keepAlive(tcpKeepAliveMs)
  }
}
