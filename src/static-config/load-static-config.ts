import {
  readStaticConfig,
  type StaticConfig,
  type StaticConfigOverrides,
  type StaticConfigSource,
} from './read-static-config.js'

/**
 * Reads a `traefik.toml` of Traefik 1.7, with the keys of ours in it; docs/traefik-toml.md has all of them. YAML and JSON are
 * read too, by the ending of the path. Starts nothing.
 *
 * @param source a path, or the text itself; relative paths in it start from its folder, or from the working folder
 * @param overrides flags come before the environment, and that before the file
 * @throws ProxyError `PROXY_CONFIG_INVALID` with all issues, each by its key, flag or variable; `PROXY_CONFIG_UNUSABLE` with
 *   line and column for what cannot be read
 */
export async function loadStaticConfig(
  source: StaticConfigSource,
  overrides: StaticConfigOverrides = {},
): Promise<StaticConfig> {
  const { options, listen, acceptMs, drainMs, warnings } = await readStaticConfig(source, overrides)
  return { options, listen, acceptMs, drainMs, warnings }
}
