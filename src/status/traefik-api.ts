import { DEFAULT_STRATEGY } from '../balancing/strategies.js'
import { maskCredentials } from '../base/credentials.js'
import type { Snapshot } from '../engine/snapshot.js'
import type { Backend, Frontend } from '../model/config.js'
import type { CompiledFrontend } from '../routing/compile-frontend.js'
import { Entries } from './json-pieces.js'
import { maskedRule } from './masked.js'

/**
 * Returns the data for `/api/providers` and for the paths below it, in the form that Traefik 1.7 uses. Defaults are filled in.
 * Names have no provider suffix such as `@file`, and rules are texts.
 *
 * @param path the parts of the URL path that follow `/api/providers`
 * @returns undefined if nothing exists under this path
 */
export function traefikView(
  snapshot: Snapshot | undefined,
  providers: readonly string[],
  path: readonly string[],
): unknown {
  const [provider, kind, name, part, partName, ...more] = path
  if (provider === undefined) return new Entries(providers.map((each) => [each, viewOf(snapshot, each)]))
  if (!providers.includes(provider) || more.length > 0) return undefined
  if (kind === undefined) return viewOf(snapshot, provider)
  if (kind === 'backends') {
    if (name === undefined) return backendsOf(snapshot, provider)
    const backend = snapshot?.config.backends.get(`${name}@${provider}`)
    return backend && partOf(backendView(backend), 'servers', part, partName)
  }
  if (kind !== 'frontends') return undefined
  if (name === undefined) return frontendsOf(snapshot, provider)
  const fullName = `${name}@${provider}`
  if (!snapshot?.config.frontends.has(fullName)) return undefined
  const frontend = snapshot.router.frontends.find((each) => each.name === fullName)
  return frontend && partOf(frontendView(frontend), 'routes', part, partName)
}

function viewOf(snapshot: Snapshot | undefined, provider: string): unknown {
  return { backends: backendsOf(snapshot, provider), frontends: frontendsOf(snapshot, provider) }
}

function backendsOf(snapshot: Snapshot | undefined, provider: string): Entries {
  return new Entries(own(snapshot?.config.backends ?? [], provider, backendView))
}

function frontendsOf(snapshot: Snapshot | undefined, provider: string): Entries {
  return new Entries(own(named(snapshot?.router.frontends ?? []), provider, frontendView))
}

function* named(frontends: readonly CompiledFrontend[]): Generator<readonly [string, CompiledFrontend]> {
  for (const frontend of frontends) yield [frontend.name, frontend]
}

/**
 * Yields the frontends or backends of one provider. Their names lose the provider suffix, because names of Traefik have none:
 * `web@file` becomes `web`.
 */
function* own<T>(
  all: Iterable<readonly [string, T]>,
  provider: string,
  view: (entry: T) => unknown,
): Generator<readonly [string, unknown]> {
  const ending = `@${provider}`
  for (const [name, entry] of all) {
    if (name.endsWith(ending)) yield [name.slice(0, -ending.length), view(entry)]
  }
}

function backendView({ servers, loadBalancer, buffering, metadata }: Backend) {
  return {
    servers: new Entries(serversOf(servers)),
    loadBalancer: { method: loadBalancer?.method ?? DEFAULT_STRATEGY },
    ...(buffering && { buffering }),
    ...(metadata && { metadata }),
  }
}

function* serversOf(servers: Backend['servers']): Generator<readonly [string, unknown]> {
  for (const [name, { url, weight = 1, metadata }] of Object.entries(servers))
    yield [name, { url: maskCredentials(url), weight, ...(metadata && { metadata }) }]
}

function frontendView(frontend: CompiledFrontend) {
  const { name, config } = frontend
  const { backend, entryPoints = [], passHostHeader = true, priority = 0, whiteList, metadata } = config
  const provider = name.slice(name.lastIndexOf('@'))
  return {
    entryPoints,
    backend: backend.endsWith(provider) ? backend.slice(0, -provider.length) : backend,
    routes: routesView(config, frontend.rule, maskedRule(frontend)),
    passHostHeader,
    priority,
    basicAuth: null,
    ...(whiteList && { whiteList }),
    ...(metadata && { metadata }),
  }
}

/**
 * Returns the routes of a frontend, each with its rule as text. If a rule was configured as data or has a secret, one route shows
 * the combined rule of all routes, masked.
 *
 * @param compiled the combined rule of all routes, as text
 * @param shown the same rule, masked
 */
function routesView({ routes }: Frontend, compiled: string, shown: string): Record<string, { rule: string }> {
  const entries = Object.entries(routes ?? {})
  const isData = entries.some(([, { rule }]) => typeof rule !== 'string')
  if (entries.length === 0 || isData || shown !== compiled)
    return { [entries[0]?.[0] ?? 'main']: { rule: shown } }
  return Object.fromEntries(entries.map(([name, { rule }]) => [name, { rule: String(rule) }]))
}

/**
 * Returns the part of a frontend or backend that the URL path names: all its routes or servers, or one of them. If the path names
 * no part, returns the whole frontend or backend.
 */
function partOf(
  view: Record<string, unknown>,
  expected: string,
  part: string | undefined,
  name: string | undefined,
): unknown {
  if (part === undefined) return view
  if (part !== expected) return undefined
  const parts = view[part] as Entries | Readonly<Record<string, unknown>>
  if (name === undefined) return parts
  for (const [each, value] of parts instanceof Entries ? parts.each : Object.entries(parts))
    if (each === name) return value
  return undefined
}
