import { onlyKnownOptions, positiveOption } from '../base/known-options.js'
import { ProxyError } from '../model/errors.js'
import type { AliasSource, ConfigFetcher } from '../model/provider.js'

/** Options of {@link AliasProvider}. */
export interface AliasProviderOptions {
  /** The source of the alias value. `InMemoryAliasSource` is one; `EtcdAliasProvider` brings its own for etcd. */
  readonly source: AliasSource
  /** Turns the prefix that the alias value names into a document, for example an `ApiConfigFetcher`. */
  readonly fetcher: ConfigFetcher
  /**
   * The provider's name. It must be unique among the proxy's providers and contain no `@`.
   *
   * @default 'alias'
   */
  readonly name?: string
  /**
   * The alias value must be this prefix or stand below it. Without this option, any absolute path is accepted.
   *
   * @default undefined
   * @example allowedPrefix: '/traefik/dev'
   */
  readonly allowedPrefix?: string
  /**
   * Whether a document without frontends may go live.
   *
   * @default false
   */
  readonly allowEmpty?: boolean
  /**
   * The longest random delay between a flip and the fetch, in milliseconds. Each proxy
   * draws its own delay. The delay keeps thousands of proxies that follow one alias
   * from asking the config API at once. The first configuration is fetched without it.
   *
   * @default 0
   */
  readonly spreadMs?: number
  /**
   * The shortest time between two documents that the proxy accepts, in milliseconds. If
   * more arrive, the newest is used. With 0, the proxy accepts each document as it arrives.
   *
   * @default 0
   */
  readonly throttleMs?: number
}

const OPTIONS = [
  'source',
  'fetcher',
  'name',
  'allowedPrefix',
  'allowEmpty',
  'spreadMs',
  'throttleMs',
] as const

/**
 * Checks the options of an `AliasProvider`.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` for an unknown option, a missing source or fetcher, or a number out of range
 */
export function checkAliasProviderOptions(options: AliasProviderOptions): void {
  onlyKnownOptions(options, OPTIONS, 'AliasProvider: ')
  if (typeof options.source?.watch !== 'function') {
    throw new ProxyError('PROXY_OPTION_INVALID', 'AliasProvider: expected a source with a function watch')
  }
  if (typeof options.fetcher?.fetch !== 'function') {
    throw new ProxyError('PROXY_OPTION_INVALID', 'AliasProvider: expected a fetcher with a function fetch')
  }
  for (const name of ['spreadMs', 'throttleMs'] as const) {
    if (options[name] !== 0) positiveOption(options[name], `AliasProvider: ${name}`)
  }
}
