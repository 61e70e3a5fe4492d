import type { ConfigFetcher } from '../model/provider.js'

/** Options of each provider that follows an alias, a key whose value names the prefix of the current configuration document. */
export interface FollowOptions {
  /** Fetches the configuration document under the prefix that the alias value names. */
  readonly fetcher: ConfigFetcher
  /**
   * The provider's name, unique among the providers of a proxy. The proxy shows a frontend of this provider as `frontend@name`.
   *
   * @default `alias` in `AliasProvider`, `etcd-alias` in `EtcdAliasProvider`
   */
  readonly name?: string
  /**
   * The alias value must be this prefix or a path below it. Any other value is rejected with `PROXY_ALIAS_INVALID`.
   *
   * @default any absolute path
   */
  readonly allowedPrefix?: string
  /**
   * If true, a document without frontends may go live. If false, the proxy refuses such a document and keeps serving the last
   * one.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
  /**
   * Milliseconds over which proxies spread their requests to the config API. After a write of the alias, each proxy waits for a
   * random time up to this limit before it fetches the document. Otherwise, thousands of proxies that follow one alias would send
   * their requests at once. The first fetch after the start never waits.
   *
   * @default 0 (no wait)
   */
  readonly spreadMs?: number
  /**
   * The shortest time, in milliseconds, between two documents that the proxy accepts from this provider. In a burst of documents,
   * the proxy accepts the first one at once and later the newest.
   *
   * @default 0 (each document is accepted at once)
   */
  readonly throttleMs?: number
}

/** The names of all options in `FollowOptions`. */
export const FOLLOW_OPTIONS = [
  'fetcher',
  'name',
  'allowedPrefix',
  'allowEmpty',
  'spreadMs',
  'throttleMs',
] as const satisfies readonly (keyof FollowOptions)[]
