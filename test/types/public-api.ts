/**
 * What must type-check, and what must not: `npm run check:types` fails on an error here, and on an expected error that
 * does not come. Nothing here runs.
 */
import {
  AliasProvider,
  ApiConfigFetcher,
  type ConfigFetcher,
  type ConfigSink,
  createProxy,
  EtcdAliasProvider,
  InMemoryAliasSource,
  type MatcherFactory,
  type Provider,
  type ProviderConfig,
  ProxyError,
  type RequestFacts,
  type RoutedFrontend,
  Router,
  RuleMatcher,
  StaticProvider,
  type UpgradeHandler,
  validateConfig,
} from 'switchover'

declare module 'switchover' {
  interface RuleSpec {
    /** A host that brings a matcher declares its key. */
    readonly tenant?: string | readonly string[]
  }
}

const config: ProviderConfig = {
  frontends: { web: { backend: 'web', rule: { host: 'a.test', clientIp: ['10.0.0.0/8'], tenant: 'acme' } } },
  backends: { web: { servers: { one: { url: 'http://127.0.0.1:1', weight: 2 } } } },
}

export const tenant: MatcherFactory = (values) => (facts) =>
  values.includes(facts.headers['x-tenant'] as string)

export async function accepts(): Promise<void> {
  await using proxy = createProxy({
    config,
    matchers: { Tenant: tenant },
    unsupportedFields: { warn: ['frontends.*.auth'] },
    retry: { attempts: 2 },
    timeouts: { connectMs: 1 },
  })
  proxy.on('configChanged', ({ generation, changes }) => [
    generation satisfies number,
    changes.frontends.added[0],
  ])
  proxy.once('requestFailed', ({ error }) => error.code satisfies string)
  const bound = await proxy.listen({ port: 0, host: '127.0.0.1', entryPoint: 'http' })
  bound.port satisfies number
  await proxy.listen({ path: '/tmp/x.sock', mode: 0o660 })
  await proxy.listen('http')
  await proxy.unlisten('http', { drainMs: 1 })
  const addresses = await proxy.setEntryPoints(
    { http: { address: ':80', mode: 0o660, trustedProxies: [], limits: { headBytes: 1 }, status: ['ping'] } },
    { listen: ['http'], drainMs: 1 },
  )
  addresses['http']?.url satisfies string | undefined
  proxy.handlersFor('http').upgrade satisfies UpgradeHandler
  proxy.explain({ host: 'a.test', path: '/', clientAddress: '10.0.0.1' }).winner?.frontend satisfies
    | string
    | undefined

  const fetcher: ConfigFetcher = new ApiConfigFetcher({
    url: { frontends: 'http://x/f', backends: (prefix) => `http://x/${prefix}` },
  })
  const source = new InMemoryAliasSource('/v1')
  const providers: Provider[] = [
    new AliasProvider({ source, fetcher }),
    new EtcdAliasProvider({
      hosts: ['http://127.0.0.1:2379'],
      aliasKey: '/k',
      fetcher,
      auth: { username: 'u', password: 'p' },
    }),
    new StaticProvider({ config }),
    {
      name: 'own',
      start: async (sink: ConfigSink) => void (await sink.update(config)),
      stop: async () => {},
    },
  ]
  createProxy({ providers })

  const checked = validateConfig(JSON.parse('{}'))
  if (checked.ok) checked.config satisfies ProviderConfig
  else checked.issues[0]?.code satisfies string | undefined

  Router.compile(config).frontends satisfies readonly RoutedFrontend[]
}

export function refuses(facts: RequestFacts): void {
  // @ts-expect-error an option that does not exist
  createProxy({ config, retries: 3 })
  // @ts-expect-error an option of an entry point that does not exist
  createProxy({ config, entryPoints: { http: { tls: {} } } })
  // @ts-expect-error a limit of the whole proxy
  createProxy({ config, entryPoints: { http: { limits: { bodyBytes: 1 } } } })
  // @ts-expect-error a matcher key that does not exist
  new RuleMatcher({ hots: 'a.test' })
  // @ts-expect-error an event that does not exist
  createProxy({ config }).on('error', () => {})
  // @ts-expect-error facts are read-only
  facts.host = 'b.test'
  // @ts-expect-error an alias provider needs a fetcher
  new AliasProvider({ source: new InMemoryAliasSource() })
  // @ts-expect-error a code that does not exist
  new ProxyError('PROXY_NO_SUCH_CODE')
  // @ts-expect-error a router is compiled, not constructed
  new Router()
  // @ts-expect-error a router does not show what it compiled of a frontend
  Router.compile(config).match(facts)?.tree
}
