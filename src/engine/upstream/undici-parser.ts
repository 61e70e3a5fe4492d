import type { Socket } from 'node:net'

/** The parts of undici's response parser that the proxy changes. undici has one parser for each connection. */
interface Parser {
  readonly ptr?: number
  readonly llhttp?: {
    readonly llhttp_set_lenient_spaces_after_chunk_size?: (parser: number, on: 1) => void
  }
  onHeadersComplete?: (status: number, upgrade: boolean, shouldKeepAlive: boolean) => number
}

/**
 * Lets undici accept two things that servers send and that undici refuses. undici has no options for them, so the function changes
 * its parser. If a later undici lacks this parser, such responses fail as bad responses.
 *
 * @param socket the socket of an open connection
 */
export function lenientParser(socket: Socket): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser')
  const parser = symbol && (socket as unknown as Record<symbol, Parser | null>)[symbol]
  if (!parser) return
  acceptBlanks(parser)
  acceptContinue(parser)
}

/**
 * Accepts spaces after the size of a chunk, such as `5 \r\n`. Some servers pad the sizes with spaces, and the syntax of chunk
 * extensions allows spaces there (RFC 9112, 7.1.1). The client never sees these spaces, because the proxy divides the response
 * into chunks of its own.
 */
function acceptBlanks({ ptr, llhttp }: Parser): void {
  if (ptr !== undefined) llhttp?.llhttp_set_lenient_spaces_after_chunk_size?.(ptr, 1)
}

/** An informational status that means nothing. */
const UNKNOWN = 199

/**
 * Accepts a `100 Continue` that the proxy has not asked for, which a client must be able to do (RFC 9110, 15.2). Some servers send
 * one to each request whose body has not begun. The proxy drops it, as any informational response that it does not know.
 */
function acceptContinue(parser: Parser): void {
  const { onHeadersComplete } = parser
  if (!onHeadersComplete) return
  parser.onHeadersComplete = (status, upgrade, shouldKeepAlive) =>
    onHeadersComplete.call(parser, status === 100 ? UNKNOWN : status, upgrade, shouldKeepAlive)
}
