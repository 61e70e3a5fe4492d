import type { Peer } from '../headers/request-head.js'
import type { ClientConnection } from './client-side.js'

/** A connection that carries no bytes. It carries one request. */
export class InMemoryConnection implements ClientConnection {
  readonly peerAddress: string | undefined
  readonly peerPort: number | undefined
  readonly isLocal: boolean
  readonly isEncrypted: boolean
  readonly bytesRead = 0
  readonly isOfClosedListener = false
  readonly isEnding = false
  bytesWritten = 0
  isOpen = true
  readonly #onClose: (() => void)[] = []

  /** Opens the connection. @param peer the other end; default: an address for documentation (RFC 5737), without TLS */
  constructor(peer: Partial<Peer>) {
    const { isLocal = false, isEncrypted = false } = peer
    this.isLocal = isLocal
    this.isEncrypted = isEncrypted
    this.peerAddress = isLocal ? undefined : (peer.peerAddress ?? '192.0.2.1')
    this.peerPort = isLocal ? undefined : (peer.peerPort ?? 40_000)
  }

  get isBusy(): boolean {
    return this.isOpen
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener)
  }

  end(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const listener of this.#onClose.splice(0)) listener()
  }
}
