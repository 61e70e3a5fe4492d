import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxy, type ShutdownStep } from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { CommandChild } from '../support/command-child.js'
import { folderWith, rules } from '../support/documents.js'
import { routeTo } from '../support/live-engine.js'
import { LoadBalancer } from '../support/load-balancer.js'
import { eventually } from '../support/next-event.js'

// A load balancer sends requests until it has noticed that /ready says 503. Nothing that it sends may be lost.

let one: NamedServer
beforeAll(async () => {
  one = await NamedServer.start('one')
})
afterAll(() => one.close())

/** For a machine that is ten times slower. */
const LIMIT_MS = 240_000

describe('0 failed of 20,000 requests', () => {
  it('of a process that gets SIGTERM, and a load balancer that takes 5 s to notice', {
    timeout: LIMIT_MS,
  }, async () => {
    const toml = `logLevel = "ERROR"
[entryPoints.http]
address = "127.0.0.1:0"
[web]
address = ":0"
[lifeCycle]
requestAcceptGraceTimeout = "60s"
graceTimeOut = "30s"
[file]
filename = "rules.toml"
`
    const cwd = await folderWith({ 'traefik.toml': toml, 'rules.toml': rules(one.url) })
    const child = new CommandChild([], { cwd })
    onTestFinished(() => child.kill())
    const [port, status] = [await child.port('http'), await child.port('status')]
    await child.sees(/^ready$/m)

    const balancer = new LoadBalancer({ port, status, pollMs: 1_000, looks: 5, keeping: 12, fresh: 4 })
    const running = balancer.run()
    await eventually(() => balancer.answered + balancer.failures.length >= 20_000, '20,000', LIMIT_MS)
    child.signal('SIGTERM')
    await running
    expect(balancer.failures).toEqual([])
    expect(balancer.answered).toBeGreaterThanOrEqual(20_000)
    // All that while it was unready, and never gone.
    expect(balancer.answeredWhileUnready).toBeGreaterThan(0)
    expect(balancer.unready).toEqual([503, 503, 503, 503, 503])
    expect(child.stderr).toMatch(
      /^closing: requests are accepted for 60 s more, while \/ready says 503; \d+ under way now$/m,
    )
    // It has left: nobody has to wait for the rest of the minute.
    child.signal('SIGTERM')
    await child.sees(
      /^closing: requests under way have 30 s to finish, new connections are not accepted; \d+ under/m,
    )
    expect(await child.ended()).toBe(0)
    expect(child.stderr).toMatch(/^closed: no request was cut$/m)
  })

  it('of a host that serves through attach, and closes its server when it is told to', {
    timeout: LIMIT_MS,
  }, async () => {
    const proxy = createProxy({ config: routeTo(one), status: { address: '127.0.0.1:0' } })
    const host = createServer()
    onTestFinished(async () => {
      host.close()
      await proxy.close({ acceptMs: 0, drainMs: 0 })
    })
    proxy.attach(host)
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    const { port } = host.address() as AddressInfo
    const { port: status } = await proxy.statusAddress()
    await proxy.ready()
    const steps: ShutdownStep[] = []
    proxy.on('shutdownChanged', ({ step }) => {
      steps.push(step)
      if (step === 'draining') host.close()
    })

    const balancer = new LoadBalancer({ port, status, pollMs: 100, looks: 5, keeping: 12, fresh: 4 })
    const running = balancer.run()
    await eventually(() => balancer.answered + balancer.failures.length >= 20_000, '20,000', LIMIT_MS)
    const closing = proxy.close({ acceptMs: 60_000, drainMs: 30_000 })
    await running
    expect(balancer.failures).toEqual([])
    expect(balancer.answeredWhileUnready).toBeGreaterThan(0)
    expect(balancer.unready).toEqual([503, 503, 503, 503, 503])
    expect(steps).toEqual(['accepting'])
    expect(proxy.close({ acceptMs: 0 })).toBe(closing)
    await closing
    expect(steps).toEqual(['accepting', 'draining', 'closed'])
  })
})
