import { isDeepStrictEqual } from 'node:util'
import type { ReadStaticConfig } from './read-static-config.js'

/**
 * The tables of `traefik.toml` that configure providers, with the names of the providers that each table can create. A reload
 * replaces these providers while the proxy runs.
 */
const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  file: ['file'],
  etcd: ['etcd', 'etcd-alias'],
  consul: ['consul'],
  http: ['http'],
}

/** Matches the other configuration keys that need no restart, because a reload applies their changes. */
const RELOADED = /^(frontends|backends|providersThrottleDuration|defaultEntryPoints|lifeCycle|graceTimeOut)\b/

/**
 * Compares two static configurations, and returns the changed configuration keys that take effect only after a restart. If a
 * provider was added or removed, the result contains the provider's table.
 */
export function keysAtRestart(before: ReadStaticConfig, after: ReadStaticConfig): string[] {
  const namesBefore = before.providers.map(({ name }) => name)
  const namesAfter = after.providers.map(({ name }) => name)
  const tables = Object.entries(PROVIDERS)
    .filter(([, names]) => names.some((name) => namesBefore.includes(name) !== namesAfter.includes(name)))
    .map(([table]) => table)
  const paths = new Set([...before.values.keys(), ...after.values.keys()])
  const keys = [...paths].filter(
    (path) =>
      !RELOADED.test(path) &&
      !Object.hasOwn(PROVIDERS, path.split(/[.[]/)[0] ?? '') &&
      !isDeepStrictEqual(before.values.get(path), after.values.get(path)),
  )
  return [...tables, ...keys].sort()
}
