import { randomInt } from 'node:crypto'
import { expect, it } from 'vitest'
import { Random } from '../fuzz/random.js'
import { AuthenticatingClient } from '../support/authenticating-client.js'
import { AuthenticatingServer } from '../support/authenticating-server.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

it('through flips, cuts and clients that leave, nobody is taken for another, and no handshake is sent in halves', {
  timeout: 120_000,
}, async () => {
  const seed = Number(process.env['LOGINS_SEED'] ?? randomInt(2 ** 31))
  const random = new Random(seed)
  const servers = [await AuthenticatingServer.start('one'), await AuthenticatingServer.start('two')] as const
  const [one, two] = servers
  const configs = [
    routeTo(one),
    routeTo(two),
    routeTo(one, two),
    routeTo(two, one),
    routeTo(`${one.url}/base`, two),
  ]
  const { engine, port, front } = await startEngine(configs[2])
  const counts = { whole: 0, refused: 0, left: 0, cut: 0, flips: 0 }
  let running = true
  const flip = async () => {
    while (running) {
      await engine.apply(random.pick(configs))
      counts.flips += 1
      await new Promise(setImmediate)
    }
  }
  const logIn = async (lane: number, turn: number) => {
    const client = new AuthenticatingClient(port, `u${lane}.${turn}`)
    try {
      await client.logIn()
      for (let more = random.below(4); more > 0; more--)
        await client.ask({ method: random.pick(['GET', 'POST', 'HEAD']) })
      counts.whole += 1
    } catch {
      counts.refused += 1
    }
    client.agent.destroy()
  }
  const leave = async (lane: number, turn: number) => {
    const client = new AuthenticatingClient(port, `l${lane}.${turn}`)
    const under = client.logIn().catch(() => {})
    for (let turns = random.below(20); turns > 0; turns--) await new Promise(setImmediate)
    client.agent.destroy()
    await under
    counts.left += 1
  }
  const cut = () => {
    const sockets = servers.flatMap((server) => [...server.sockets])
    random.pick(sockets)?.destroy()
    counts.cut += 1
  }
  const lane = async (nth: number) => {
    for (let turn = 0; turn < 40; turn++) {
      const step = random.below(10)
      if (step < 7) await logIn(nth, turn)
      else if (step < 8) await leave(nth, turn)
      else if (step < 9) cut()
      else await httpGet({ port, headers: { 'x-client': 'nobody' } })
    }
  }
  const flipping = flip()
  await Promise.all(Array.from({ length: 10 }, (_, nth) => lane(nth)))
  running = false
  await flipping
  console.log(`seed ${seed}: ${JSON.stringify(counts)}`)
  for (const { mixed, halfHandshakes } of servers)
    expect({ mixed, halfHandshakes }, `seed ${seed}`).toEqual({ mixed: 0, halfHandshakes: 0 })
  expect(counts.whole, `seed ${seed}`).toBeGreaterThan(0)
  await eventually(() => front.sockets.size === 0, 'the clients’ connections end')
  await engine.close()
  await eventually(() => servers.every(({ sockets }) => sockets.size === 0), 'the servers’ connections end')
})
