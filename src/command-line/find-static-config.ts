import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { StaticConfigOverrides, StaticConfigSource } from '../static-config/read-static-config.js'
import { ownVariables } from '../static-config/text-settings.js'

/**
 * The source of the static configuration, and the flags and environment variables that override it. All are read at the start and
 * again at each reload.
 */
export interface FoundStaticConfig {
  readonly source: StaticConfigSource
  readonly overrides: StaticConfigOverrides
}

/** Returns the paths where Traefik looks for a `traefik.toml`, in the order in which it tries them. */
function usualPlaces({ HOME }: NodeJS.ProcessEnv): string[] {
  return ['traefik.toml', ...(HOME ? [join(HOME, '.traefik/traefik.toml')] : []), '/etc/traefik/traefik.toml']
}

/**
 * Finds the static configuration: the file that a flag or the environment names, or else the first existing file of the usual
 * paths. If there is no file, flags or environment variables alone are enough.
 *
 * @throws Error with advice if there is no configuration
 */
export async function findStaticConfig(
  configFile: string | undefined,
  flags: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): Promise<FoundStaticConfig> {
  const overrides = { flags, env }
  const inFlags = Object.entries(flags).find(([name]) => name.toLowerCase() === 'configfile')
  const path =
    configFile ??
    inFlags?.[1] ??
    (env['SWITCHOVER_CONFIGFILE'] || undefined) ??
    (await firstOf(usualPlaces(env)))
  if (path !== undefined) return { source: { path }, overrides }
  const hasSettings = Object.keys(flags).length > 0 || ownVariables(env).length > 0
  if (hasSettings) return { source: { text: '' }, overrides }
  const places = usualPlaces(env).join(', ')
  throw new Error(`no configuration: found none of the files ${places}. ${HINT}`)
}

const HINT =
  'Give --configFile=FILE, or flags such as --file.filename=rules.toml; switchover --help shows examples'

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}
