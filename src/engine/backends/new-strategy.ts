import type { Strategy, StrategyFactory } from '../../balancing/strategies.js'
import type { Backend } from '../../model/config.js'
import { asError, configInvalid } from '../../model/errors.js'
import { NO_METADATA } from '../../model/metadata.js'
import { onRejected } from '../../model/rejections.js'
import type { LiveServer } from './live-server.js'

/**
 * Creates the strategy of a backend.
 *
 * @param method the name of the strategy
 * @param servers the servers of the backend. The strategy does not see those of weight 0.
 * @throws ProxyError `PROXY_CONFIG_INVALID` if a factory of the embedding application throws or returns no function
 */
export function newStrategy(
  backend: string,
  { loadBalancer = {}, metadata = NO_METADATA }: Backend,
  method: string,
  factory: StrategyFactory | undefined,
  servers: readonly LiveServer[],
): Strategy<LiveServer> {
  const refuse = (why: string) => {
    const path = `backends[${JSON.stringify(backend)}].loadBalancer.method`
    const message = `the strategy ${JSON.stringify(method)} ${why}`
    return configInvalid([{ path, code: 'INVALID_VALUE', message }])
  }
  if (!factory) throw refuse('does not exist')
  const serving = servers.filter(({ weight }) => weight > 0)
  let made: unknown
  try {
    made = factory(serving, loadBalancer, { metadata })
  } catch (thrown) {
    throw refuse(`cannot be made: ${asError(thrown).message}`)
  }
  if (typeof made === 'function') return made as Strategy<LiveServer>
  onRejected(made, () => {})
  throw refuse('cannot be made: expected its factory to return a function')
}
