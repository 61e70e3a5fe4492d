import type { ProviderConfig } from '../../src/index.js'

/** A small configuration; `version` labels it, and decides where `www` goes. */
export function small(version: string, more: Partial<ProviderConfig> = {}): ProviderConfig {
  return {
    version,
    frontends: {
      www: { backend: 'web', rule: 'Host:www.example.com' },
      office: { backend: 'admin', rule: 'Host:www.example.com;ClientIP:10.0.0.0/8' },
      map: { backend: 'web', rule: { host: 'map.example.com' } },
      ...more.frontends,
    },
    backends: {
      web: { servers: { one: { url: 'http://127.0.0.1:9' }, two: { url: 'http://127.0.0.2:9', weight: 3 } } },
      admin: { servers: { one: { url: 'http://127.0.0.3:9' } } },
      ...more.backends,
    },
  }
}

/** `count` frontends, all alike but for their numbers. */
export function large(version: string, count: number): ProviderConfig {
  const frontends: Record<string, { backend: string; rule: string }> = {}
  for (let number = 0; number < count; number++) {
    const digits = String(number).padStart(6, '0')
    frontends[`shop-${digits}`] = { backend: 'web', rule: `Host:shop-${digits}.example.com` }
  }
  return { ...small(version), frontends }
}

/** Two issues, each of its own kind. */
export const BROKEN: ProviderConfig = small('/v-broken', {
  frontends: {
    lost: { backend: 'nowhere', rule: 'Host:lost.example.com' },
    torn: { backend: 'web', rule: 'Hots:torn.example.com' },
  },
})
