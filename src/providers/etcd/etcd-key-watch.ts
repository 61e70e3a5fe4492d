import type { IWatchResponse } from 'etcd3'
import type { EtcdClient } from './etcd-client.js'
import { EtcdHeartbeat } from './etcd-heartbeat.js'
import { cancelReason, endStream, type WatchStream } from './etcd-range-watch.js'

/** Maximum milliseconds until etcd has acknowledged a watch. This includes the time to connect and to log in. */
const ACKNOWLEDGE_MS = 2_000

/** The callbacks of an `EtcdKeyWatch`. */
export interface KeyWatchListener {
  /** Called after each write or deletion of the key. */
  changed(): void
  /** Called with the error if the watch has failed. */
  failed(cause: Error): void
}

/**
 * Watches one key of etcd over its own gRPC stream, with a heartbeat. After a fault, the watch does not resume: the caller must
 * create a new one.
 */
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
   * Opens the watch. Resolves when etcd has acknowledged the watch, and rejects if that takes too long.
   *
   * @param logIn logs in to etcd, if there is a user. `deadline` is the time by which it must be done, in milliseconds since 1970
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

  /**
   * Handles the messages of the stream. The event listeners that this method adds must not throw, because no caller could catch
   * the error.
   */
  #follow(stream: WatchStream, acknowledged: () => void, fail: (cause: Error) => void): void {
    this.#cancelWatch = () => endStream(stream)
    // The 'error' listener is added first, because a stream that is cancelled also ends with an error.
    stream.on('error', fail)
    stream.on('end', () => fail(new Error('the watch ended')))
    if (this.#closed) return this.#cancelWatch()
    stream.on('data', (message: IWatchResponse) => {
      this.#heartbeat?.heard()
      if (message.canceled) fail(new Error(cancelReason(message)))
      else if (message.created) acknowledged()
      // A message without events is the answer to a heartbeat, so it reports no change.
      else if (message.events?.length > 0) this.#listener.changed()
    })
    this.#heartbeat = new EtcdHeartbeat(() => stream.write({ progress_request: {} }), fail)
    stream.write({ create_request: { key: this.#key } })
  }

  /** Ends the watch. If the watch is still being opened, `open` rejects. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#giveUpOpening?.(new Error('closed'))
    this.#heartbeat?.stop()
    this.#cancelWatch?.()
  }
}
