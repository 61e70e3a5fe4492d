/** What passes between a client and etcd, as far as a network that means harm must know it: bytes within a piece. */

/** Whether a piece from a client asks to watch a key: `WatchRequest { create_request { key } }`. */
export function asksToWatch(piece: Buffer, key: string): boolean {
  const keyField = Buffer.concat([Buffer.from([0x0a, key.length]), Buffer.from(key)])
  return piece.includes(Buffer.concat([Buffer.from([0x0a, keyField.length]), keyField]))
}

/**
 * Whether a piece from etcd acknowledges a watch: `created` of a `WatchResponse`. In its header the same bytes would
 * be revision 1, which no store has that was written to.
 */
export function acknowledgesWatch(piece: Buffer): boolean {
  return piece.includes(Buffer.from([0x18, 0x01]))
}
