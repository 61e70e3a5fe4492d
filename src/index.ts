export type { Candidate, Strategy, StrategyContext, StrategyFactory } from './balancing/strategies.js'
export type { RequestHandler, UpgradeHandler } from './engine/client/http1/handlers.js'
export type { EngineOptions, RetryOptions } from './engine/engine-options.js'
export type { OnListenerError } from './engine/events/listener-failures.js'
export type { ProxyEmitter } from './engine/events/proxy-emitter.js'
export type { EngineEntryPoint } from './engine/headers/peer-trust.js'
export type { UnderscoreHeaders } from './engine/headers/proxy-fields.js'
export type { Hooks, RequestContext, ResponseContext } from './engine/hooks.js'
export { ProxyEngine } from './engine/proxy-engine.js'
export type { RequestExplanation } from './engine/snapshot.js'
export type { UpstreamTls } from './engine/upstream/upstream-tls.js'
export type { EntryPointLimits, EntryPointOptions } from './entry-points/entry-point-options.js'
export type { BoundAddress, ListenAt } from './entry-points/listen-at.js'
export type { ListenerLimits } from './entry-points/server-limits.js'
export type { Explained, MiddlewareKind } from './middlewares/middleware-kind.js'
export type { ChainStep, ExplainedChain } from './middlewares/middlewares.js'
export type {
  Backend,
  Buffering,
  CircuitBreakerConfig,
  Duration,
  HealthCheck,
  LoadBalancer,
  MaxConn,
  OutlierDetectionConfig,
  QueueConfig,
  Server,
  Stickiness,
  StrictDnsConfig,
} from './model/backend.js'
export type {
  Frontend,
  OneOrMoreTexts,
  ProviderConfig,
  Route,
  RuleSpec,
  WhiteList,
} from './model/config.js'
export {
  type ErrorCode,
  type ErrorSource,
  type Issue,
  type IssueCode,
  ProxyError,
  type ProxyErrorDetails,
} from './model/errors.js'
export type {
  Changes,
  CircuitChanged,
  CircuitState,
  ConfigChanged,
  ConfigRejected,
  ProviderRecovered,
  ProviderUnavailable,
  ProxyEvents,
  RequestFailed,
  RequestFinished,
  ServerHealthChanged,
  ShutdownChanged,
  ShutdownStep,
} from './model/events.js'
export type { HeaderList } from './model/header-list.js'
export type { Limits, Timeouts } from './model/limits.js'
export type { ApplyNotes } from './model/merge-configs.js'
export type { EntryMetadata, Metadata } from './model/metadata.js'
export type {
  LocalResponse,
  Middleware,
  MiddlewareRequest,
  MiddlewareResponse,
  MiddlewareTools,
  Outcome,
  Redispatch,
  ServerView,
  Verdict,
} from './model/middleware.js'
export type {
  AliasReading,
  AliasSource,
  AliasWatcher,
  CachedConfig,
  ConfigCache,
  ConfigFetcher,
  ConfigSink,
  Delivery,
  DeliveryNotes,
  FetchContext,
  Provider,
} from './model/provider.js'
export type { MatcherContext, MatcherFactory, RequestFacts } from './model/request-facts.js'
export { AliasProvider } from './providers/alias-provider.js'
export type { AliasProviderOptions } from './providers/alias-provider-options.js'
export { ConsulProvider, type ConsulProviderOptions } from './providers/consul/consul-provider.js'
export { EtcdAliasProvider, type EtcdAliasProviderOptions } from './providers/etcd/etcd-alias-provider.js'
export type { EtcdConnection } from './providers/etcd/etcd-connection.js'
export { EtcdPrefixFetcher, type EtcdPrefixFetcherOptions } from './providers/etcd/etcd-prefix-fetcher.js'
export { EtcdProvider, type EtcdProviderOptions } from './providers/etcd/etcd-provider.js'
export { FileProvider, type FileProviderOptions } from './providers/file/file-provider.js'
export type { FollowOptions } from './providers/follow-options.js'
export { ApiConfigFetcher, type ApiConfigFetcherOptions } from './providers/http/api-config-fetcher.js'
export type { ConfigUrl } from './providers/http/config-url.js'
export type { DocumentClientOptions } from './providers/http/document-client.js'
export { HttpProvider, type HttpProviderOptions } from './providers/http/http-provider.js'
export { InMemoryAliasSource } from './providers/in-memory-alias-source.js'
export type { KvOptions } from './providers/kv/kv-options.js'
export { LastGoodFile } from './providers/last-good-file.js'
export type { ServedDigest } from './providers/live-digest.js'
export { StaticProvider } from './providers/static-provider.js'
export type { ProviderState } from './providers/supervised-provider.js'
export { createProxy } from './proxy/create-proxy.js'
export type { SetEntryPointsOptions, UnlistenOptions } from './proxy/entry-point-calls.js'
export type { ProxyOptions } from './proxy/proxy-options.js'
export type { ProxyState } from './proxy/proxy-state.js'
export type { RequestSketch } from './proxy/request-sketch.js'
export type { ReverseProxy } from './proxy/reverse-proxy.js'
export { serverOptions } from './proxy/server-options.js'
export type { CloseOptions } from './proxy/shutdown.js'
export type { RefusedFrontend, RouterExplanation } from './routing/explain-route.js'
export type { RoutedFrontend } from './routing/routed-frontend.js'
export { Router } from './routing/router.js'
export type { MatcherOptions } from './rules/matchers.js'
export {
  formatRule,
  type RuleExplanation,
  RuleMatcher,
  type RuleMatcherOptions,
} from './rules/rule-matcher.js'
export { loadStaticConfig } from './static-config/load-static-config.js'
export type {
  StaticConfig,
  StaticConfigOverrides,
  StaticConfigSource,
} from './static-config/read-static-config.js'
export type { AccessLogOptions } from './status/access-log.js'
export type { AccessLogFilters } from './status/access-log-filters.js'
export type { HeaderMode, HeaderModes } from './status/access-log-headers.js'
export type { StatusPages } from './status/entry-point-pages.js'
export type { Logger, LogLevel } from './status/log-levels.js'
export type { MetricsOptions } from './status/metrics.js'
export type { StatusOptions } from './status/status-options.js'
export type { DocumentDigest } from './validation/digest-document.js'
export type {
  DocumentDraft,
  DocumentFilter,
  DocumentOptions,
  FilterContext,
} from './validation/document-filter.js'
export { type LintFinding, lintConfig } from './validation/lint-config.js'
export type { UnsupportedFields } from './validation/unsupported-fields.js'
export { type Validation, validateConfig } from './validation/validate-config.js'
export type { ValidateOptions } from './validation/validate-options.js'
