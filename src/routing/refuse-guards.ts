import { pathOf } from '../base/messages.js'
import type { Frontend } from '../model/config.js'
import { configInvalid } from '../model/errors.js'
import { asksForNothing, GUARDS } from '../model/guards.js'

const FRONTENDS = 'frontends.*.'

/** Guards that `compileFrontend` compiles. A router enforces no other. */
const COMPILED: readonly string[] = ['whiteList']

const GUARDS_OF_FRONTENDS = Object.keys(GUARDS)
  .filter((path) => path.startsWith(FRONTENDS))
  .map((path) => path.slice(FRONTENDS.length))
  .filter((field) => !COMPILED.includes(field))

/**
 * Refuses frontends with a guard that a router knows nothing of: who serves by its answers alone would let everybody in.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each such guard
 */
export function refuseGuards(frontends: Readonly<Record<string, Frontend>>): void {
  const issues = Object.entries(frontends).flatMap(([name, frontend]) =>
    guardsOf(frontend).map((field) => ({
      path: pathOf(pathOf('frontends', name), field),
      code: 'NOT_SUPPORTED' as const,
      message: `${field} of Traefik is not supported yet, and it guards: validateConfig makes a copy without it`,
    })),
  )
  if (issues.length > 0) throw configInvalid(issues)
}

function guardsOf(frontend: unknown): readonly string[] {
  if (typeof frontend !== 'object' || frontend === null) return []
  const fields = frontend as Readonly<Record<string, unknown>>
  return GUARDS_OF_FRONTENDS.filter((name) => Object.hasOwn(fields, name) && !asksForNothing(fields[name]))
}
