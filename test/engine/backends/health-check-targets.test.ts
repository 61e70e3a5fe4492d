import type { Backend } from 'switchover'
import { describe, expect, it } from 'vitest'
import { HealthChecks } from '../../../src/engine/backends/health-checks.js'

type HealthCheck = NonNullable<Backend['healthCheck']>

/** Returns the origin and the `Host` field of a server's check. It opens no connection. */
function targetOf(url: string, config: Partial<HealthCheck>): { origin: string; host: string } {
  let target = { origin: '', host: '' }
  const newUpstream = (origin: string) => ({
    dispatch: ({ headers }: { headers: readonly string[] }) => {
      target = { origin, host: headers[1] as string }
    },
    destroy: async () => {},
  })
  const checks = new HealthChecks([{ url, state: {} }] as never, { path: '/', ...config }, {
    newUpstream,
    connection: {},
  } as never)
  checks.start()
  checks.stop()
  return target
}

describe('a health check goes to the port', () => {
  it.each<[string, Partial<HealthCheck>, string, string]>([
    ['http://a.test', {}, 'http://a.test', 'a.test'],
    ['http://a.test:8080', { scheme: 'https' }, 'https://a.test:8080', 'a.test:8080'],
    ['http://a.test:80', { scheme: 'https' }, 'https://a.test:80', 'a.test:80'],
    ['http://a.test:80/base', { scheme: 'https' }, 'https://a.test:80', 'a.test:80'],
    ['https://a.test:443', { scheme: 'http' }, 'http://a.test:443', 'a.test:443'],
    ['http://a.test', { scheme: 'https' }, 'https://a.test', 'a.test'],
    ['http://a.test', { scheme: 'https', port: 80 }, 'https://a.test:80', 'a.test:80'],
    ['https://a.test', { scheme: 'http', port: 443 }, 'http://a.test:443', 'a.test:443'],
    ['http://a.test:8080', { port: 80 }, 'http://a.test', 'a.test'],
    ['http://[::1]:80', { scheme: 'https' }, 'https://[::1]:80', '[::1]:80'],
  ])('that is written: %s with %j', (url, config, origin, host) => {
    expect(targetOf(url, config)).toEqual({ origin, host })
  })
})
