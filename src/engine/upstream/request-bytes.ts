/** A request as the proxy sends it to a server. */
export interface RequestBytes {
  readonly method: string
  readonly path: string
  /** Header names and values. Each name is followed by its value. */
  readonly headers: string[]
  readonly body: NodeJS.ReadableStream | Buffer | null
  /** The protocol that the request asks to switch to, such as `websocket`. Null in an ordinary request. */
  readonly upgrade: string | null
}
