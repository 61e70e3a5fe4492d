import { pathOf } from '../base/messages.js'
import type { Frontend } from '../model/config.js'
import { configInvalid } from '../model/errors.js'
import { asksForNothing, GUARDS } from '../model/guards.js'

const FRONTENDS = 'frontends.*.'

/** The guards that `compileFrontend` compiles. A router enforces no other guard. */
const COMPILED: readonly string[] = ['whiteList']

const GUARDS_OF_FRONTENDS = Object.keys(GUARDS)
  .filter((path) => path.startsWith(FRONTENDS))
  .map((path) => path.slice(FRONTENDS.length))
  .filter((field) => !COMPILED.includes(field))

/**
 * Refuses frontends that have a guard which a router does not enforce. A host that serves requests by the router's answers alone
 * would let every client in.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each such guard
 */
export function refuseGuards(frontends: Readonly<Record<string, Frontend>>): void {
  const issues = Object.entries(frontends).flatMap(([name, frontend]) =>
    guardsOf(frontend).map((field) => ({
      path: pathOf(pathOf('frontends', name), field),
      code: 'NOT_SUPPORTED' as const,
      message: `${field} of Traefik is not supported yet, and it is a guard: validateConfig can make a copy of the document without it`,
    })),
  )
  if (issues.length > 0) throw configInvalid(issues)
}

function guardsOf(frontend: unknown): readonly string[] {
  if (typeof frontend !== 'object' || frontend === null) return []
  const fields = frontend as Readonly<Record<string, unknown>>
  return GUARDS_OF_FRONTENDS.filter((name) => Object.hasOwn(fields, name) && !asksForNothing(fields[name]))
}
