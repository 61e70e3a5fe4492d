import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { StaticConfigOverrides, StaticConfigSource } from '../static-config/read-static-config.js'
import { ownVariables } from '../static-config/text-settings.js'

/** The static configuration to read at the start, and again at each reload. */
export interface FoundStaticConfig {
  readonly source: StaticConfigSource
  readonly overrides: StaticConfigOverrides
}

/** The files that Traefik tries, in its order. */
function usualPlaces({ HOME }: NodeJS.ProcessEnv): string[] {
  return ['traefik.toml', ...(HOME ? [join(HOME, '.traefik/traefik.toml')] : []), '/etc/traefik/traefik.toml']
}

/**
 * Finds the static configuration: the file of a flag or of the environment, or else the first of the usual files. If there is
 * no file, flags or variables alone are enough.
 *
 * @throws Error with a hint if there is no configuration
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
