import type { Socket } from 'node:net'

/** The parts of undici's response parser that this file uses. undici has one parser for each connection. */
interface Parser {
  readonly ptr?: number
  readonly llhttp?: {
    readonly llhttp_set_lenient_spaces_after_chunk_size?: (parser: number, on: 1) => void
  }
}

/**
 * Lets undici accept spaces after the size of a chunk, such as `5 \r\n`. Some servers pad the sizes with spaces, and the syntax
 * of chunk extensions allows spaces there (RFC 9112, 7.1.1). The client never sees these spaces, because the proxy divides the
 * response into chunks of its own.
 *
 * undici has no option for this, so the function changes a setting of undici's parser. If a later undici lacks this parser, a
 * response with such spaces fails as a bad response.
 *
 * @param socket the socket of an open connection
 */
export function allowBlanksBehindChunkSizes(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser')
  if (!symbol) return
  const { ptr, llhttp } = ((socket as unknown as Record<symbol, Parser | null>)[symbol] ?? {}) as Parser
  if (ptr !== undefined) llhttp?.llhttp_set_lenient_spaces_after_chunk_size?.(ptr, 1)
}
