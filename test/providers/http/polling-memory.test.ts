import { Agent } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DocumentClient } from '../../../src/providers/http/document-client.js'
import { getText } from '../../../src/providers/http/read-response.js'
import { type Behaviour, HostileApi, silent, status } from '../../support/hostile-api.js'
import { liveObjects } from '../../support/live-objects.js'
import { eventually } from '../../support/next-event.js'

/** A provider asks as long as its process lives, and its signal lives as long. */
const QUESTIONS = 40
/** Of a kind: what one question, or the machinery around it, may still hold. */
const FEW = 10

let api: HostileApi

beforeEach(async () => {
  api = await HostileApi.start()
})

afterEach(() => api.close())

/** Resolves when hardly more is in use after many questions than after the first few. */
async function leavesNothing(
  kinds: readonly (new (...args: never[]) => unknown)[],
  ask: () => Promise<unknown>,
): Promise<void> {
  for (let asked = 0; asked < 3; asked += 1) await ask()
  const before: number[] = []
  for (const kind of kinds) before.push(await liveObjects(kind))
  for (let asked = 0; asked < QUESTIONS; asked += 1) await ask()
  for (const [at, kind] of kinds.entries()) {
    let more = Number.POSITIVE_INFINITY
    const isLetGo = async () => {
      more = (await liveObjects(kind)) - (before[at] as number)
      return more < FEW
    }
    // undici's own timers let go of a connection up to a second after its end.
    await eventually(isLetGo, `no more of ${kind.name} in use`, 30_000).catch((late) => {
      throw new Error(`${QUESTIONS} questions have left ${more} of ${kind.name}`, { cause: late })
    })
  }
}

describe('questions under a signal that lives on', () => {
  const ways: readonly [name: string, behaviour: Behaviour, isAnswered: boolean][] = [
    ['answered', status(200, '{}'), true],
    ['answered by 304', status(304, ''), true],
    ['refused', status(500, 'no'), false],
    ['not answered in time', silent, false],
  ]
  for (const [name, behaviour, isAnswered] of ways) {
    it(`leave no signal, no agent and no weak reference behind when ${name}`, async () => {
      api.otherwise(behaviour)
      const { signal } = new AbortController()
      const timeoutMs = isAnswered ? 10_000 : 20
      const client = new DocumentClient({ timeoutMs })
      const question = { accept: '*/*', etag: undefined, isJson: () => true, signal }
      let answered = 0
      const ask = async () => {
        const answer = await client.get(api.url, question).catch(() => undefined)
        if (answer) answered += 1
      }
      await leavesNothing([AbortSignal, Agent, WeakRef], ask)
      expect(answered > 0).toBe(isAnswered)
    }, 120_000)
  }

  it('end with it, and say its reason', async () => {
    api.otherwise(silent)
    const asking = new AbortController()
    const agent = new Agent()
    const limits = { maxBytes: 1_000, timeoutMs: 20_000, idleTimeoutMs: 20_000 }
    const answer = getText(api.url, async () => ({}), limits, asking.signal, agent)
    asking.abort(new Error('no more'))
    await expect(answer).rejects.toThrow('no more')
    await agent.destroy()
  })
})
