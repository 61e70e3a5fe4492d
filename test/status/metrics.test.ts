import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { routeTo, startNamed } from '../support/live-engine.js'
import { lintMetrics, parseMetrics } from '../support/metrics-lint.js'
import { refusingUrl } from '../support/misbehaving-server.js'
import { eventually } from '../support/next-event.js'
import { type SeenProxy, startSeen } from '../support/seen-proxy.js'

/** Requests of several kinds, all of which were counted. */
async function askSome({ port, read }: SeenProxy): Promise<void> {
  await httpGet({ port })
  await httpGet({ port, method: 'POST', body: 'x' })
  await httpGet({ port, method: 'INVENTED' }).catch(() => {})
  await httpGet({ port, method: 'PROPFIND' })
  await eventually(async () => (await read('/health')).total_count >= 3, 'all are counted')
}

describe('metrics', () => {
  it('are text that Prometheus takes without a complaint', async () => {
    const seen = await startSeen(routeTo(await startNamed('one'), await refusingUrl()))
    await askSome(seen)
    await seen.ask('/metrics')
    const { body, headers } = await seen.ask('/metrics')
    expect(headers['content-type']).toContain('version=0.0.4')
    expect(lintMetrics(body)).toEqual([])
    const names = parseMetrics(body).map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining([
        'switchover_config_reloads_total',
        'switchover_config_generation',
        'switchover_entrypoint_requests_total',
        'switchover_backend_request_duration_seconds',
        'switchover_backend_server_up',
        'switchover_backend_retries_total',
        'switchover_upstream_connections',
        'switchover_event_loop_lag_seconds',
      ]),
    )
  })

  it('are no more than one for an origin of several addresses', async () => {
    const { port } = await startNamed('one')
    let all: LookupAddress[] = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
    const lookup: LookupFunction = (_name, _options, callback) => callback(null, all)
    const document = {
      frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
      backends: {
        web: { servers: { s: { url: `http://servers.test:${port}` } }, strictDns: { interval: '1ms' } },
      },
    }
    const seen = await startSeen(document, { lookup })
    const names = async () => {
      const { entries } = await seen.read('/api/backends')
      return entries[0].servers.map(({ name }: { name: string }) => name).join()
    }
    for (let last = 10; last < 20; last += 1) {
      all = ['127.0.0.1', `127.0.0.${last}`].map((address) => ({ address, family: 4 }))
      await eventually(async () => (await names()) === `s@127.0.0.1,s@127.0.0.${last}`, 'the addresses')
      for (let times = 0; times < 4; times += 1) await httpGet({ port: seen.port })
    }
    const { body } = await seen.ask('/metrics')
    expect(lintMetrics(body)).toEqual([])
    expect(body.match(/^switchover_upstream_connections.*idle.*$/gm)).toHaveLength(1)
    expect(body.match(/^switchover_backend_server_up.*$/gm)).toHaveLength(2)
  })

  it('are OpenMetrics for those who ask for it', async () => {
    const seen = await startSeen(routeTo(await startNamed('one')))
    await askSome(seen)
    for (let times = 0; times < 2; times += 1) {
      const { body, headers } = await seen.ask('/metrics', {
        accept: 'application/openmetrics-text; version=1.0.0',
      })
      expect(headers['content-type']).toContain('application/openmetrics-text; version=1.0.0')
      expect(body).toMatch(/# TYPE switchover_config_reloads counter\nswitchover_config_reloads_total 1\n/)
      expect(body.endsWith('# EOF\n')).toBe(true)
    }
    expect((await seen.ask('/metrics')).body).toContain('# TYPE switchover_config_reloads_total counter')
  })

  it('count requests by what they were, retries, and refusals', async () => {
    const seen = await startSeen(routeTo(await refusingUrl(), await startNamed('one')))
    for (let times = 0; times < 4; times += 1) await httpGet({ port: seen.port })
    await seen.provider.update({ frontends: { x: { backend: 'nowhere', rule: 'Host:a' } }, backends: {} })
    await eventually(async () => (await seen.read('/health')).total_count === 4, 'all are counted')
    const { body } = await seen.ask('/metrics')
    expect(body).toContain(
      'switchover_backend_requests_total{code="200",method="GET",protocol="http",backend="pool@static"} 4',
    )
    expect(body).toMatch(/switchover_backend_retries_total{backend="pool@static"} [1-4]\n/)
    expect(body).toContain('switchover_config_refusals_total{provider="static"} 1')
    expect(body).toContain('switchover_config_reloads_failure_total 1')
    expect(body).toMatch(/switchover_config_last_reload_failure 1\d{9}/)
    expect(body).toContain('switchover_provider_state{provider="static",state="live"} 1')
  })

  it('have as few series as was asked for, whatever clients invent', async () => {
    const one = await startNamed('one')
    const names = Array.from({ length: 20 }, (_, at) => `b${at}`)
    const seen = await startSeen(
      {
        frontends: Object.fromEntries(
          names.map((name) => [name, { backend: name, rule: `Host:${name}.test` }]),
        ),
        backends: Object.fromEntries(names.map((name) => [name, { servers: { s: { url: one.url } } }])),
      },
      { status: { address: '127.0.0.1:0', metrics: { maxBackends: 5 } } },
    )
    for (const name of names)
      for (const method of ['GET', 'SEARCH', 'LINK'])
        await httpGet({ port: seen.port, host: `${name}.test`, method })
    await eventually(async () => (await seen.read('/health')).total_count === 60, 'all are counted')
    const families = parseMetrics((await seen.ask('/metrics')).body)
    const counts = families.find(({ name }) => name === 'switchover_backend_requests_total')?.samples ?? []
    const labels = (of: string) => new Set(counts.map((sample) => sample.labels[of]))
    expect(labels('backend').size).toBe(6)
    expect(labels('backend')).toContain('other')
    expect(labels('method')).toEqual(new Set(['GET', 'EXTENSION_METHOD']))
    expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(60)
    expect(families.find(({ name }) => name === 'switchover_backend_server_up')?.samples).toHaveLength(5)
  })

  it('of what is configured no more are gone', async () => {
    const one = await startNamed('one')
    const seen = await startSeen(routeTo(one))
    await httpGet({ port: seen.port })
    await eventually(async () => (await seen.ask('/metrics')).body.includes('pool@static'), 'it is counted')
    await seen.provider.update({
      frontends: { all: { backend: 'other-pool', rule: 'PathPrefix:/' } },
      backends: { 'other-pool': { servers: { s: { url: one.url } } } },
    })
    expect((await seen.ask('/metrics')).body).not.toContain('"pool@static"')
  })

  it('stand in the host’s own registry too, and leave it with the proxy', async () => {
    const registry = new Registry()
    const status = { address: '127.0.0.1:0', metrics: { registry, prefix: 'edge_' } }
    const { proxy, ask } = await startSeen(routeTo(await startNamed('one')), { status })
    expect(await registry.metrics()).toContain('edge_config_generation 1')
    expect((await ask('/metrics')).body).toContain('edge_config_generation 1')
    await proxy.close()
    expect(await registry.metrics()).toBe('\n')
  })
})
