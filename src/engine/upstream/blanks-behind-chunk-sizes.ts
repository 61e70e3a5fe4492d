import type { Socket } from 'node:net'

/** undici's parser of one connection, as far as it is needed here. */
interface Parser {
  readonly ptr?: number
  readonly llhttp?: {
    readonly llhttp_set_lenient_spaces_after_chunk_size?: (parser: number, on: 1) => void
  }
}

/**
 * Lets undici read `5 \r\n` as the size of a chunk: some servers fill sizes up with blanks, and a chunk extension may
 * have them (RFC 9112, 7.1.1). Clients get chunks written anew, so they never see them.
 *
 * undici has no option for it. Where a later undici has no such parser, a response with blanks fails as a bad one.
 *
 * @param socket of a connection that stands
 */
export function allowBlanksBehindChunkSizes(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser')
  if (!symbol) return
  const { ptr, llhttp } = ((socket as unknown as Record<symbol, Parser | null>)[symbol] ?? {}) as Parser
  if (ptr !== undefined) llhttp?.llhttp_set_lenient_spaces_after_chunk_size?.(ptr, 1)
}
