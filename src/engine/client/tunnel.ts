import type { Duplex } from 'node:stream'

/**
 * Connects two streams until both have closed. Bytes flow in both directions with back-pressure. If one stream ends, the other
 * one is ended too. If one stream has an error, the other one is destroyed.
 */
export function tunnel(client: Duplex, server: Duplex, onClosed: () => void): void {
  let open = 2
  for (const [stream, other] of [
    [client, server],
    [server, client],
  ] as const) {
    stream.on('error', () => other.destroy())
    stream.on('close', () => {
      // The stream closed before all its bytes were read and written, so it was cut off. Close the other one too.
      if (!stream.readableEnded || !stream.writableFinished) other.destroy()
      // The stream has ended in both directions (TLS may end both at once). Nothing reads the other stream any longer, so its end
      // would go unnoticed. Destroy the other stream once its pending bytes are written.
      else if (!other.readableEnded) destroyOnceWritten(other)
      open -= 1
      if (open === 0) onClosed()
    })
    stream.pipe(other)
  }
}

/** Destroys a stream after all pending bytes were written to it. */
function destroyOnceWritten(stream: Duplex): void {
  if (stream.writableFinished) stream.destroy()
  else stream.once('finish', () => stream.destroy())
}
