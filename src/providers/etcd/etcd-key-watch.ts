import type { IWatchResponse } from 'etcd3'
import type { EtcdClient } from './etcd-client.js'
import { EtcdHeartbeat } from './etcd-heartbeat.js'
import { cancelReason, endStream, type WatchStream } from './etcd-range-watch.js'

/** Maximum milliseconds until etcd has acknowledged a watch, including the connection and a login. */
const ACKNOWLEDGE_MS = 2_000

/** The callbacks of a watch. */
export interface KeyWatchListener {
  /** Called when the key was written or deleted. */
  changed(): void
  /** Called when the watch has failed. */
  failed(cause: Error): void
}

/** A watch of one key, over a stream of its own, with a heartbeat. It never resumes: after a fault, it is of no further use. */
export class EtcdKeyWatch {
  readonly #client: EtcdClient
  readonly #key: Buffer
  readonly #listener: KeyWatchListener
  #cancelWatch: (() => void) | undefined
  #giveUpOpening: ((cause: Error) => void) | undefined
  #heartbeat: EtcdHeartbeat | undefined
  #closed = false

  constructor(client: EtcdClient, key: Buffer, listener: KeyWatchListener) {
    this.#client = client
    this.#key = key
    this.#listener = listener
  }

  /**
   * Opens the watch. Resolves when etcd has acknowledged it, and rejects if that takes too long.
   *
   * @param logIn logs in, if there is a user; it must be done by `deadline`, in milliseconds since 1970
   */
  async open(logIn: (deadline: number) => Promise<void>): Promise<void> {
    const opening = logIn(Date.now() + ACKNOWLEDGE_MS).then(() => this.#client.watch.watch())
    let timer: NodeJS.Timeout | undefined
    const acknowledged = new Promise<void>((resolve, reject) => {
      this.#giveUpOpening = reject
      timer = setTimeout(() => reject(new Error(`no answer within ${ACKNOWLEDGE_MS} ms`)), ACKNOWLEDGE_MS)
      const fail = (cause: Error) => {
        reject(cause)
        this.#listener.failed(cause)
      }
      opening.then((stream) => this.#follow(stream, resolve, fail)).catch(reject)
    })
    try {
      await acknowledged
    } finally {
      clearTimeout(timer)
    }
  }

  /** Handles the messages of the stream. Its listeners must not throw, because no caller could catch their errors. */
  #follow(stream: WatchStream, acknowledged: () => void, fail: (cause: Error) => void): void {
    this.#cancelWatch = () => endStream(stream)
    // The error listener comes first, because a cancelled stream ends with an error too.
    stream.on('error', fail)
    stream.on('end', () => fail(new Error('the watch ended')))
    if (this.#closed) return this.#cancelWatch()
    stream.on('data', (message: IWatchResponse) => {
      this.#heartbeat?.heard()
      if (message.canceled) fail(new Error(cancelReason(message)))
      else if (message.created) acknowledged()
      // The answer to a heartbeat has no events.
      else if (message.events?.length > 0) this.#listener.changed()
    })
    this.#heartbeat = new EtcdHeartbeat(() => stream.write({ progress_request: {} }), fail)
    stream.write({ create_request: { key: this.#key } })
  }

  /** Ends the watch. A watch that is still being opened rejects. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#giveUpOpening?.(new Error('closed'))
    this.#heartbeat?.stop()
    this.#cancelWatch?.()
  }
}
