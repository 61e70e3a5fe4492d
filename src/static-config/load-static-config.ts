import {
  readStaticConfig,
  type StaticConfig,
  type StaticConfigOverrides,
  type StaticConfigSource,
} from './read-static-config.js'

/**
 * Reads a static configuration: a `traefik.toml` of Traefik 1.7, which may also contain keys that only this proxy has.
 * docs/traefik-toml.md lists all keys. A file whose name ends with `.yaml`, `.yml` or `.json` is read in that format. The
 * function starts no proxy and opens no listener.
 *
 * @param source the path of a file, or the content of one. Relative paths inside a file start from the folder of that file.
 *   Relative paths inside a given content start from the working folder.
 * @param overrides flags and environment variables. Flags override the environment, and both override the file.
 * @throws ProxyError `PROXY_CONFIG_INVALID` if the configuration is invalid. `issues` has all errors, each with its key, flag or
 *   environment variable.
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the file cannot be read or parsed. For a syntax error, the message names line and
 *   column.
 * @example
 * ```ts
 * const { options, listen, acceptMs, drainMs } = await loadStaticConfig('traefik.toml', { env: process.env })
 * const proxy = createProxy(options)
 * for (const name of listen) await proxy.listen(name)
 * process.once('SIGTERM', () => proxy.close({ acceptMs, drainMs }))
 * ```
 */
export async function loadStaticConfig(
  source: StaticConfigSource,
  overrides: StaticConfigOverrides = {},
): Promise<StaticConfig> {
  const { options, listen, acceptMs, drainMs, warnings } = await readStaticConfig(source, overrides)
  return { options, listen, acceptMs, drainMs, warnings }
}
