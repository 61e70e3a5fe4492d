import type { ConfigApi } from './config-api.js'
import { NamedServer } from './named-server.js'

/** Version 1, version 2, and a version 3 that somebody got wrong. */
export const PREFIXES = { v1: '/traefik/dev/v1', v2: '/traefik/dev/v2', v3: '/traefik/dev/v3' } as const

/** Who asks for what, in the table of routes and in the load. */
export const QUESTIONS = [
  { client: '127.0.1.7', range: '127.0.1.0/24', host: 'www.baidu.com' },
  { client: '127.0.2.7', range: '127.0.2.0/24', host: 'www.baidu.com' },
  { client: '127.0.3.7', range: '127.0.3.0/24', host: 'www.baidu.com' },
  { client: '127.0.3.7', range: 'anyone', host: 'map.baidu.com' },
] as const

export type ServerName = '192.168.1.56:9110' | '192.168.1.57:9111' | '192.168.1.57:9112' | '192.168.1.58:9110'

/** The four servers of the table: on loopback ports, but each answers with the name it stands for. */
export async function startServers(): Promise<Readonly<Record<ServerName, NamedServer>>> {
  return {
    '192.168.1.56:9110': await NamedServer.start('192.168.1.56:9110'),
    '192.168.1.57:9111': await NamedServer.start('192.168.1.57:9111'),
    '192.168.1.57:9112': await NamedServer.start('192.168.1.57:9112'),
    '192.168.1.58:9110': await NamedServer.start('192.168.1.58:9110'),
  }
}

type Servers = Awaited<ReturnType<typeof startServers>>

export function writeVersion1(api: ConfigApi, servers: Servers): void {
  putBackend(api, PREFIXES.v1, 'baidu-a', [servers['192.168.1.57:9111']])
  putBackend(api, PREFIXES.v1, 'baidu-b', [servers['192.168.1.56:9110']])
  putBackend(api, PREFIXES.v1, 'map', [servers['192.168.1.58:9110'], servers['192.168.1.57:9112']])
  api.putFrontend(PREFIXES.v1, 'baidu-range-1', {
    backend: 'baidu-a',
    rule: 'Host:www.baidu.com;ClientIP:127.0.1.0/24',
  })
  api.putFrontend(PREFIXES.v1, 'baidu-range-2', {
    backend: 'baidu-b',
    rule: 'Host:www.baidu.com;ClientIP:127.0.2.0/24',
  })
  api.putFrontend(PREFIXES.v1, 'map', { backend: 'map', rule: 'Host:map.baidu.com' })
}

/** Every route of version 2 leads somewhere else, and the third range gets one. */
export function writeVersion2(api: ConfigApi, servers: Servers): void {
  putBackend(api, PREFIXES.v2, 'baidu-a', [servers['192.168.1.58:9110']])
  putBackend(api, PREFIXES.v2, 'baidu-b', [servers['192.168.1.57:9112']])
  putBackend(api, PREFIXES.v2, 'map', [servers['192.168.1.56:9110'], servers['192.168.1.57:9111']])
  api.putFrontend(PREFIXES.v2, 'baidu-range-1', {
    backend: 'baidu-a',
    rule: 'Host:www.baidu.com;ClientIP:127.0.1.0/24',
  })
  api.putFrontend(PREFIXES.v2, 'baidu-others', {
    backend: 'baidu-b',
    rule: { host: 'www.baidu.com', clientIp: ['127.0.2.0/24', '127.0.3.0/24'] },
  })
  api.putFrontend(PREFIXES.v2, 'map', { backend: 'map', rule: 'Host:map.baidu.com' })
}

export function writeVersion3(api: ConfigApi, servers: Servers): void {
  putBackend(api, PREFIXES.v3, 'map', [servers['192.168.1.56:9110']])
  api.putFrontend(PREFIXES.v3, 'baidu', { backend: 'mapp', rule: 'Host:www.baidu.com;ClientIP:127.0.1.0/33' })
}

function putBackend(api: ConfigApi, prefix: string, name: string, servers: readonly NamedServer[]): void {
  api.putBackend(prefix, name, {
    servers: Object.fromEntries(servers.map(({ name, url }) => [name, { url }])),
  })
}
