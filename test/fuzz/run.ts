import { RawConnection } from '../support/raw-connection.js'
import { ownerOf, ownersIn } from './marks.js'
import { type Script, scriptOf } from './scripts.js'
import { Stage, soon, turn } from './stage.js'

/** What a client waits for an answer before it leaves. */
const PATIENCE_MS = 15

/** Plays one case and looks at everything afterwards. @returns what was wrong */
export async function play(stage: Stage, script: Script): Promise<string[]> {
  const { number, client, clientStays, clientEnd, kind } = script
  const before = stage.complaints.length
  stage.begin(script)
  const bystander = stage.probe(number, '/echo')
  const connection = await RawConnection.open(stage.port, { allowHalfOpen: true })
  for (const piece of client) {
    if (connection.closed || connection.socket.destroyed) break
    connection.send(piece)
    await turn()
  }
  if (clientStays === undefined) await soon(() => connection.received !== '' || connection.ended, PATIENCE_MS)
  else for (let turns = 0; turns < clientStays; turns++) await turn()
  if (clientEnd === 'reset') connection.reset()
  else if (clientEnd === 'destroy') connection.socket.destroy()
  else connection.socket.end()
  await bystander

  if (clientEnd === 'end') await soon(() => connection.closed || connection.ended, PATIENCE_MS)
  const whole = connection.ended && kind === 'tunnel'
  if (kind === 'tunnel') {
    if (whole) await soon(() => arrivedWhole(stage, script), PATIENCE_MS)
    stage.endTunnels()
  }
  // Whoever half-closed has no more patience than anybody else.
  connection.socket.destroy()
  await stage.quiet()
  await stage.probe(number, '/raw', '/echo')

  const foreign = [...ownersIn(connection.received)].filter((owner) => owner !== ownerOf(number))
  if (foreign.length > 0)
    stage.complaints.push(`the client got bytes of ${foreign}: ${JSON.stringify(connection.received)}`)
  if (script.intact) stage.complaints.push(...tunnelFlaws(stage, script, connection))
  return stage.complaints.slice(before)
}

function arrivedWhole(stage: Stage, script: Script): boolean {
  return stage.tunnelled === script.client.slice(1).join('')
}

/** What goes into a tunnel comes out of it, and if both sides end properly, all of it. */
function tunnelFlaws(stage: Stage, script: Script, { received, ended }: RawConnection): string[] {
  const flaws: string[] = []
  const toServer = script.client.slice(1).join('')
  const toClient = script.server.slice(1).join('')
  if (!toServer.startsWith(stage.tunnelled)) flaws.push('a tunnel changed what the client said')
  if (!/^HTTP\/1\.1 101 /.test(received)) return flaws
  const said = received.slice(received.indexOf('\r\n\r\n') + 4)
  if (!toClient.startsWith(said)) flaws.push('a tunnel changed what the server said')
  const proper = script.clientEnd === 'end' && script.serverEnd === 'end' && ended
  if (proper && said !== toClient) flaws.push(`a tunnel lost what the server said: ${said.length} bytes came`)
  if (proper && stage.tunnelled !== toServer)
    flaws.push(`a tunnel lost what the client said: ${stage.tunnelled.length} bytes came`)
  return flaws
}

export interface FuzzResult {
  readonly cases: number
  readonly kinds: Readonly<Record<string, number>>
  /** The first case that failed, in full. */
  readonly failure?: string
}

/** Cases from a seed, one after the other, until one fails or the time is over. */
export async function fuzz(
  seed: number,
  seconds: number,
  first = 1,
  most = Number.POSITIVE_INFINITY,
): Promise<FuzzResult> {
  const stage = await new Stage().open()
  const kinds: Record<string, number> = {}
  const end = performance.now() + seconds * 1_000
  let cases = 0
  let failure: string | undefined
  for (let number = first; performance.now() < end && cases < most && failure === undefined; number++) {
    const script = scriptOf(seed, number)
    const wrong = await play(stage, script)
    cases += 1
    kinds[script.kind] = (kinds[script.kind] ?? 0) + 1
    if (wrong.length > 0) failure = described(seed, script, wrong)
  }
  const left = await stage.close()
  if (left > 0) failure ??= `seed ${seed}: ${left} connections to servers were left after the end`
  return { cases, kinds, ...(failure !== undefined && { failure }) }
}

function described(seed: number, script: Script, wrong: readonly string[]): string {
  return [`seed ${seed}, case ${script.number}:`, ...wrong, JSON.stringify(script)].join('\n')
}
