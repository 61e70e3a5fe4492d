import { parseText } from '../../src/providers/parse-document.js'

/** What a parent asks of this process: so many bytes of one piece, as YAML. */
export interface Hostile {
  readonly start: string
  readonly piece: string
  readonly bytes: number
}

process.on('message', async ({ start, piece, bytes }: Hostile) => {
  const text = start + piece.repeat(bytes / piece.length)
  const said = await parseText(text, 'yaml', 'a.yaml').then(
    () => 'accepted',
    (error: Error) => error.message,
  )
  process.send?.(said)
})
process.send?.('ready')
