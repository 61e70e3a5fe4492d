import type { ProviderConfig } from 'switchover'

/** How big documents are, and what changes between two versions. */
export interface DocumentShape {
  readonly frontends: number
  readonly backends: number
  /** Where the marking servers listen: two, and version n is served by port n % 2; or one, which serves all. */
  readonly ports: readonly number[]
}

/** As many as the API has; after the last comes the first again. Even: see `passHostHeader`. */
export const API_VERSIONS = 16

/**
 * A document whose parts all carry its version, so that an answer made of two versions shows. Names are the same in
 * every version, the case in which a mixture is easiest. Its servers mark an answer by which of them they are, its
 * backends by the path that they prepend, its frontends by whether they pass the client's `Host` on.
 */
export function documentOf(version: number, { frontends, backends, ports }: DocumentShape): ProviderConfig {
  const port = ports[version % ports.length]
  return {
    version: `v${version}`,
    frontends: Object.fromEntries(
      numbers(frontends).map((index) => [
        `web-${index}`,
        {
          backend: `backend-${index % backends}`,
          rule: `Host:${hostOf(index)}`,
          passHostHeader: version % 2 === 1,
        },
      ]),
    ),
    backends: Object.fromEntries(
      numbers(backends).map((index) => [
        `backend-${index}`,
        { servers: { only: { url: `http://${addressOf(index)}:${port}/v${version}` } } },
      ]),
    ),
  }
}

export function hostOf(frontend: number): string {
  return `web-${frontend}.example.com`
}

/** What a marking server answers. */
export function echoOf(server: number, target: string, host: string, payload: string): string {
  return `${server}\n${target}\n${host}\n${payload}`
}

export interface Asked {
  readonly host: string
  readonly path: string
  readonly payload: string
}

/** The one version that made an answer, or what is wrong with it. */
export function versionOf(
  { status, body }: { readonly status: number; readonly body: string },
  asked: Asked,
  servers: number,
): number | string {
  if (status !== 200) return `status ${status}: ${body.slice(0, 200)}`
  const [server, target = '', host] = body.split('\n', 3)
  const version = Number(/^\/v(\d+)\//.exec(target)?.[1])
  if (body !== echoOf(Number(server), `/v${version}${asked.path}`, host ?? '', asked.payload))
    return `wrong body: ${body.slice(0, 200)}`
  if (Number(server) !== version % servers) return `mixed: server ${server}, backend of v${version}`
  if ((host === asked.host) !== (version % 2 === 1))
    return `mixed: backend of v${version}, frontend of another (host ${host})`
  return version
}

/** Whether a version is newer than, or the same as, another, where they start over after so many. */
export function isNotOlder(version: number, than: number, versions: number): boolean {
  return version >= than ? version - than < versions / 2 : version + versions - than < versions / 2
}

/** Every backend has a server of its own; Linux owns all of 127.0.0.0/8, so that one listener can be them all. */
function addressOf(backend: number): string {
  return process.platform === 'linux' ? `127.1.${backend >> 8}.${backend & 255}` : '127.0.0.1'
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
