import { Socket } from 'node:net'
import { createProxy, serverOptions } from 'switchover'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { LingeringClose } from '../../src/engine/client/http1/lingering-close.js'
import type { Exchange } from '../../src/engine/exchange.js'
import { InFlight } from '../../src/engine/in-flight.js'
import { connectorFor } from '../../src/engine/upstream/connector.js'
import { UpstreamNetworks } from '../../src/engine/upstream/upstream-networks.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type Timeouts } from '../../src/model/limits.js'
import { openRaw, routeTo, startMisbehaving, startNamed } from '../support/live-engine.js'
import { UnansweredPort } from '../support/unanswered-port.js'

afterEach(() => void vi.useRealTimers())

/** Limits on an exchange, which are looked at by one timer for all. */
const LOOKED_AT = ['responseHeadMs', 'bodyIdleMs', 'requestMs', 'upgradeIdleMs', 'retireAfterMs'] as const

describe('a limit below 5 s', () => {
  it.each(LOOKED_AT.flatMap((name) => [50, 200, 1_000, 2_000, 4_000].map((ms) => [name, ms] as const)))(
    'is looked at often enough: %s of %i ms',
    (name, ms) => {
      vi.useFakeTimers({
        toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'setImmediate', 'performance'],
      })
      const inFlight = new InFlight(
        { ...DEFAULT_TIMEOUTS, [name]: ms } as Timeouts,
        new LingeringClose(DEFAULT_LIMITS),
      )
      const looks: number[] = []
      inFlight.add({
        check: (now: number) => void looks.push(now),
        end() {},
        cut() {},
      } as unknown as Exchange)
      const begunAt = performance.now()
      vi.advanceTimersByTime(ms * 3 + 1_000)
      const allowed = Math.max(100, ms * 0.2)
      // What stands still is seen at one look, and ended at another.
      const seenAt = looks[0]! - begunAt
      const endedAt = looks.find((now) => now - looks[0]! >= ms)! - begunAt
      expect(seenAt).toBeLessThanOrEqual(allowed / 2)
      expect(endedAt - ms).toBeLessThanOrEqual(allowed)
      inFlight.endAll(new Error() as never)
    },
  )

  it('costs no more looks where all limits are long', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'setImmediate', 'performance'] })
    const inFlight = new InFlight(DEFAULT_TIMEOUTS, new LingeringClose(DEFAULT_LIMITS))
    const check = vi.fn()
    const exchange = { check } as unknown as Exchange
    inFlight.add(exchange)
    vi.advanceTimersByTime(10_500)
    expect(check).toHaveBeenCalledTimes(10)
    inFlight.remove(exchange)
    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([
    ['plain', 50],
    ['plain', 1_500],
    ['plain', 4_000],
    ['TLS', 1_500],
  ])('holds for a connection to a server: %s, %i ms', async (kind, connectMs) => {
    const tls = kind === 'TLS'
    const port = tls ? await silentPort() : await unansweredPort()
    const networks = new UpstreamNetworks(undefined, undefined)
    const connect = connectorFor('127.0.0.1', {
      timeouts: { ...DEFAULT_TIMEOUTS, connectMs },
      tls: {},
      networks,
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const options = { hostname: '127.0.0.1', protocol: tls ? 'https:' : 'http:', port: String(port) }
    const failed = new Promise<Error | null>((resolve) =>
      connect(options as never, (...[error]) => resolve(error)),
    )
    vi.advanceTimersByTime(connectMs)
    vi.useRealTimers()
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, 'a connection that nobody ends'))
    expect(await Promise.race([failed, late])).toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' })
  })

  it.each([
    [200, 200],
    [1_000, 1_000],
    [4_000, 4_000],
    // Node's second more is less than a fifth.
    [65_000, 66_000],
  ])('holds for an idle client connection: of %i ms Node is told %i', async (keepAliveMs, told) => {
    const proxy = createProxy({ config: routeTo(await startNamed('x')), timeouts: { keepAliveMs } })
    onTestFinished(() => proxy.close())
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()
    const set = vi.spyOn(Socket.prototype, 'setTimeout')
    onTestFinished(() => set.mockRestore())
    const client = await openRaw(port)
    client.sendHead('GET / HTTP/1.1', 'Host: a')
    await client.until('\r\n\r\nx')
    const last = set.mock.calls.filter(([ms]) => ms >= 200).at(-1)
    expect(last?.[0]).toBe(told)
  })

  it.each([
    [50, 25],
    [500, 50],
    [2_000, 200],
    [10_000, 1_000],
    [Number.POSITIVE_INFINITY, 1_000],
  ])('holds for the head of a request: of %i ms Node looks every %i ms', (requestHeadMs, everyMs) => {
    expect(serverOptions({ timeouts: { requestHeadMs } }).connectionsCheckingInterval).toBe(everyMs)
  })
})

async function unansweredPort(): Promise<number> {
  const unanswered = await UnansweredPort.open()
  onTestFinished(() => unanswered.close())
  return unanswered.port
}

/** Takes connections, and says nothing. */
async function silentPort(): Promise<number> {
  return Number(new URL((await startMisbehaving(() => {})).url).port)
}
