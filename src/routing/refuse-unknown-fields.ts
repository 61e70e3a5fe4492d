import { asksForNothing } from '../base/asks-for-nothing.js'
import { pathOf } from '../base/messages.js'
import type { Frontend } from '../model/config.js'
import { configInvalid } from '../model/errors.js'

/** The fields that a router reads, or leaves to the host on purpose. */
const READ: Readonly<Record<keyof Required<Frontend>, true>> = {
  backend: true,
  rule: true,
  routes: true,
  priority: true,
  entryPoints: true,
  whiteList: true,
  passHostHeader: true,
  metadata: true,
}

/**
 * Refuses frontends with a field that a router does not know, unless the field asks for nothing. The field may be a guard. A host
 * that serves requests by the router's answers alone would let every client in.
 *
 * @throws ProxyError `PROXY_CONFIG_INVALID` with an issue for each such field
 */
export function refuseUnknownFields(frontends: Readonly<Record<string, Frontend>>): void {
  const issues = Object.entries(frontends).flatMap(([name, frontend]) =>
    unknownFieldsOf(frontend).map((field) => ({
      path: pathOf(pathOf('frontends', name), field),
      code: 'NOT_SUPPORTED' as const,
      message: `a router does not enforce ${field}: validateConfig makes a copy without it, or refuses it`,
    })),
  )
  if (issues.length > 0) throw configInvalid(issues)
}

function unknownFieldsOf(frontend: unknown): readonly string[] {
  if (typeof frontend !== 'object' || frontend === null) return []
  const fields = frontend as Readonly<Record<string, unknown>>
  const inherited: string[] = []
  for (const name in fields) inherited.push(name)
  // Fields that are not enumerable count too: otherwise a guard among them would be missing without a sign.
  const names = new Set([...inherited, ...Reflect.ownKeys(fields).filter((key) => typeof key === 'string')])
  return [...names].filter((name) => !Object.hasOwn(READ, name) && !asksForNothing(fields[name]))
}
