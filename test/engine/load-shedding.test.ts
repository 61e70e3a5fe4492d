import { PassThrough } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { LingeringClose } from '../../src/engine/client/http1/lingering-close.js'
import type { Exchange } from '../../src/engine/exchange.js'
import { InFlight } from '../../src/engine/in-flight.js'
import { LoadShedding } from '../../src/engine/load-shedding.js'
import type { Upstreams } from '../../src/engine/upstream/upstreams.js'
import { ClientConnections } from '../../src/entry-points/client-connections.js'
import { ProxyError } from '../../src/model/errors.js'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from '../../src/model/limits.js'

const shortage = new ProxyError('PROXY_OUT_OF_RESOURCES', 'connect EMFILE', {
  cause: Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' }),
})

function makeShort() {
  const lingering = new LingeringClose(DEFAULT_LIMITS)
  const inFlight = new InFlight(DEFAULT_TIMEOUTS, lingering)
  const closeIdle = vi.fn(() => 1)
  const shedding = new LoadShedding(inFlight, { closeIdle } as unknown as Upstreams)
  const exchange = { bodyUntouched: true, server: {}, tries: { shortages: 0 } } as unknown as Exchange
  const again = vi.fn()
  return { lingering, closeIdle, again, makeRoom: () => shedding.makeRoomFor(exchange, shortage, again) }
}

describe('where descriptors are short', () => {
  it('connections behind early answers go first, and idle ones stay', async () => {
    const { lingering, closeIdle, again, makeRoom } = makeShort()
    const socket = new PassThrough()
    lingering.begin(socket)
    expect(makeRoom()).toBe(true)
    expect([socket.destroyed, closeIdle.mock.calls.length]).toEqual([true, 0])
    await vi.waitFor(() => expect(again).toHaveBeenCalledOnce())
    // All are closed now.
    expect(lingering.size).toBe(0)
    expect(makeRoom()).toBe(true)
    expect(closeIdle).toHaveBeenCalledOnce()
  })

  it('a new client takes the place of one of them', () => {
    const { lingering } = makeShort()
    const socket = new PassThrough()
    lingering.begin(socket)
    const connections = new ClientConnections(Number.POSITIVE_INFINITY, lingering)
    const [idle, newcomer] = [1, 100_000_000].map((fd) =>
      Object.assign(new PassThrough(), { remoteAddress: '127.0.0.2', parser: {}, _handle: { fd } }),
    )
    connections.enter(idle as never)
    connections.enter(newcomer as never)
    expect([socket.destroyed, idle?.destroyed, newcomer?.destroyed]).toEqual([true, false, false])
  })
})
