import { isDeepStrictEqual } from 'node:util'
import type { ReadStaticConfig } from './read-static-config.js'

/** The tables of providers, with the names of their providers. A reload replaces these providers while the proxy runs. */
const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  file: ['file'],
  etcd: ['etcd', 'etcd-alias'],
  consul: ['consul'],
  http: ['http'],
}

/** Other keys that a reload applies. */
const RELOADED = /^(frontends|backends|providersThrottleDuration|defaultEntryPoints|lifeCycle|graceTimeOut)\b/

/**
 * Returns the keys that differ between two static configurations and need a restart. A provider's table is among them if its
 * provider was added or removed.
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
