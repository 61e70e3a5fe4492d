import {
  readStaticConfig,
  type StaticConfig,
  type StaticConfigOverrides,
  type StaticConfigSource,
} from './read-static-config.js'

/**
 * Reads a static configuration: a `traefik.toml` of Traefik 1.7, which may also hold this proxy's own keys.
 * docs/traefik-toml.md lists all keys. A path that ends with `.yaml`, `.yml` or `.json` is read in that format. The function
 * starts nothing.
 *
 * @param source a path, or the text itself. Relative paths in a file start from its folder, those in a text from the working
 *   folder.
 * @param overrides flags and environment variables. Flags override the environment, and both override the file.
 * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues, each named by its key, flag or variable
 * @throws ProxyError `PROXY_CONFIG_UNUSABLE` if the file cannot be read or parsed. The message names line and column of a
 *   syntax error.
 * @example
 * ```ts
 * const { options, listen, acceptMs, drainMs } = await loadStaticConfig('traefik.toml', { env: process.env })
 * const proxy = createProxy(options)
 * for (const at of listen) await proxy.listen(at)
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
