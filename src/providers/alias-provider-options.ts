import { onlyKnownOptions, positiveOption } from '../base/known-options.js'
import { ProxyError } from '../model/errors.js'
import type { AliasSource } from '../model/provider.js'
import { FOLLOW_OPTIONS, type FollowOptions } from './follow-options.js'

/** Options of {@link AliasProvider}, which delivers the configuration document whose prefix an alias value names. */
export interface AliasProviderOptions extends FollowOptions {
  /**
   * The source of the alias value, such as an `InMemoryAliasSource`. For etcd, use `EtcdAliasProvider`, which makes its own
   * source.
   */
  readonly source: AliasSource
}

const OPTIONS = ['source', ...FOLLOW_OPTIONS] as const

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
