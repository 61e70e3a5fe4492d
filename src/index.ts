export {
  createProxy,
  type ProxyState,
  type RequestSketch,
  type ReverseProxy,
} from './create-proxy.js'
export type { EngineOptions, RequestHandler, UpgradeHandler } from './engine/engine-options.js'
export { ProxyEngine } from './engine/proxy-engine.js'
export type { RequestExplanation } from './engine/snapshot.js'
export type { UpstreamTimeouts } from './engine/upstreams.js'
export type { BoundAddress, ListenAt } from './listener.js'
export type {
  Backend,
  Frontend,
  LoadBalancer,
  ProviderConfig,
  Route,
  RuleSpec,
  Server,
} from './model/config.js'
export { type ErrorCode, type ErrorSource, type Issue, type IssueCode, ProxyError } from './model/errors.js'
export type {
  Changes,
  ConfigChanged,
  ConfigRejected,
  ProviderRecovered,
  ProviderTroubled,
  ProxyEvents,
  RequestFailed,
  RequestFinished,
  ServerHealthChanged,
} from './model/events.js'
export type { ApplyNotes } from './model/merge-configs.js'
export type {
  AliasBell,
  AliasReading,
  AliasSource,
  CachedConfig,
  ConfigCache,
  ConfigFetcher,
  ConfigSink,
  Delivery,
  DeliveryNotes,
  Provider,
} from './model/provider.js'
export type { MatcherFactory, RequestFacts } from './model/request-facts.js'
export { AliasProvider, type AliasProviderOptions } from './providers/alias-provider.js'
export {
  ApiConfigFetcher,
  type ApiConfigFetcherOptions,
  type ConfigUrl,
} from './providers/api-config-fetcher.js'
export { EtcdAliasProvider, type EtcdAliasProviderOptions } from './providers/etcd-alias-provider.js'
export type { EtcdConnection } from './providers/etcd-session.js'
export { InMemoryAliasSource } from './providers/in-memory-alias-source.js'
export { LastGoodFile } from './providers/last-good-file.js'
export { StaticProvider } from './providers/static-provider.js'
export type { ProviderState } from './providers/supervised-provider.js'
export type { ProxyOptions } from './proxy-options.js'
export type { Balancer, BalancerFactory, Candidate } from './rules/balancers.js'
export type { ValidateOptions } from './rules/document-checker.js'
export { type CompiledFrontend, Router, type RouterExplanation } from './rules/router.js'
export { formatRule, type RuleExplanation, RuleMatcher } from './rules/rule-matcher.js'
export { type Validation, validateConfig } from './rules/validate-config.js'
