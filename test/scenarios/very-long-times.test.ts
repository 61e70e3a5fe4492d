import { createProxy } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startNamed } from '../support/live-engine.js'

it.each([2 ** 31 - 1, 3e9])(
  'a keepAliveMs of %d serves without a warning of the process',
  async (keepAliveMs) => {
    const told: string[] = []
    const emitWarning = process.emitWarning
    process.emitWarning = (warning) => void told.push(String(warning))
    onTestFinished(() => {
      process.emitWarning = emitWarning
    })
    const proxy = createProxy({ config: routeTo(await startNamed('served')), timeouts: { keepAliveMs } })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
    await proxy.ready()
    expect((await httpGet({ port: port as number, headers: { connection: 'keep-alive' } })).body).toBe(
      'served',
    )
    expect(told).toEqual([])
  },
)
