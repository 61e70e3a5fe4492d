import type { ConfigFetcher } from '../model/provider.js'

/** Options of every provider that follows an alias and fetches the document that its value names. */
export interface FollowOptions {
  /** Turns the prefix that the alias value names into a document. */
  readonly fetcher: ConfigFetcher
  /**
   * The provider's name, unique among the providers of a proxy. Frontends are shown as `frontend@name`.
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
   * If true, a document without frontends may go live. If false, it is rejected, and the last document serves on.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
  /**
   * Milliseconds over which proxies spread their requests to the config API. After a write of the alias, each proxy waits for a
   * random time up to this limit before it fetches. So thousands of proxies that follow one alias do not ask at once. The first
   * fetch after the start never waits.
   *
   * @default 0 (no wait)
   */
  readonly spreadMs?: number
  /**
   * Milliseconds between two documents that the proxy takes from this provider, at least. In a burst, it takes the first document
   * at once and then the newest.
   *
   * @default 0 (each document is taken as it comes)
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
