import { isDeepStrictEqual } from 'node:util'
import { PROVIDER_TABLES } from '../validation/static-keys/static-keys.js'
import type { ReadStaticConfig } from './read-static-config.js'

/**
 * Compares two static configurations, and returns the changed configuration keys that take effect only after a restart. If a
 * provider was added or removed, the result contains the provider's table.
 */
export function keysAtRestart(before: ReadStaticConfig, after: ReadStaticConfig): string[] {
  const namesBefore = before.providers.map(({ name }) => name)
  const namesAfter = after.providers.map(({ name }) => name)
  const tables = PROVIDER_TABLES.filter(({ creates }) =>
    creates.some((name) => namesBefore.includes(name) !== namesAfter.includes(name)),
  )
  const keys = [...new Map([...before.values, ...after.values])].filter(
    ([path, { key }]) =>
      key.reload === 'restart' &&
      !isDeepStrictEqual(before.values.get(path)?.value, after.values.get(path)?.value),
  )
  return [...tables.map(({ path }) => path), ...keys.map(([path]) => path)].sort()
}
