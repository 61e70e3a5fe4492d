import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ConfigApi } from '../../examples/demo/config-api.js'
import { NamedServer } from '../../examples/demo/named-server.js'
import { CommandChild } from '../support/command-child.js'
import { EtcdServer } from '../support/etcd-server.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'

const STARTING_PAGE = fileURLToPath(new URL('../static-config/starting-page.traefik.toml', import.meta.url))
const RULES = fileURLToPath(new URL('../providers/file/starting-page.rules.toml', import.meta.url))

/**
 * The traefik.toml of the starting page, byte for byte, run by `switchover`: only its addresses are others. The ranges of
 * its rules are loopback ones, as Linux has them.
 */
describe('the traefik.toml of the starting page from the command line', () => {
  let etcd: EtcdServer
  let folder: string
  let child: CommandChild | undefined
  const servers = new Map<string, NamedServer>()
  const urlOf = (name: string): string => (servers.get(name) as NamedServer).url

  beforeAll(async () => {
    etcd = await EtcdServer.start()
    for (const name of ['.57:9111', '.56:9110', '.58:9110', '.57:9112', 'v1', 'v2'])
      servers.set(name, await NamedServer.start(name))
    folder = await mkdtemp(join(tmpdir(), 'starting-page-'))
    await copyFile(STARTING_PAGE, join(folder, 'traefik.toml'))
    await writeFile(join(folder, 'rules.toml'), await loopbackRules())
  })

  afterEach(() => child?.kill())

  afterAll(async () => {
    await Promise.all([...servers.values()].map((server) => server.close()))
    await etcd?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** The rules of the page, with servers that are there and ranges that can be asked from. */
  async function loopbackRules(): Promise<string> {
    const text = await readFile(RULES, 'utf8')
    return text
      .replaceAll(/http:\/\/192\.168\.1(\.\d+:\d+)/g, (_, name: string) => urlOf(name))
      .replaceAll('ClientIP:10.0.', 'ClientIP:127.0.')
  }

  async function start(...flags: string[]): Promise<(host: string, from?: string) => Promise<string>> {
    const addresses = [
      '--entryPoints.http.address=127.0.0.1:0',
      '--web.address=:0',
      `--etcd.endpoint=${etcd.url.replace('http://', '')}`,
    ]
    child = new CommandChild([`--configFile=${folder}/traefik.toml`, ...addresses, ...flags])
    const port = await child.port('http')
    await child.port('status')
    await child.sees(/^ready$/m)
    return async (host, from = '127.0.3.7') => {
      const { status, body } = await httpGet({ port, host, from })
      return status === 200 ? body.trim() : String(status)
    }
  }

  /** A version as Traefik keeps it in etcd, key by key. */
  async function putVersion(name: 'v1' | 'v2'): Promise<void> {
    const prefix = `/traefik/dev/${name}`
    await etcd.put(`${prefix}/backends/web/servers/one/url`, urlOf(name))
    await etcd.put(`${prefix}/frontends/web/backend`, 'web')
    await etcd.put(`${prefix}/frontends/web/routes/main/rule`, 'Host:etcd.baidu.com')
  }

  it('serves the rules of its file and those under its prefix in etcd, and follows the alias', async () => {
    await putVersion('v1')
    await putVersion('v2')
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v1')
    const ask = await start()
    expect(await ask('www.baidu.com', '127.0.1.7')).toBe('.57:9111')
    expect(await ask('www.baidu.com', '127.0.2.7')).toBe('.56:9110')
    expect(await ask('www.baidu.com', '127.0.3.7')).toBe('404')
    expect(['.58:9110', '.57:9112']).toContain(await ask('map.baidu.com'))
    expect(await ask('etcd.baidu.com')).toBe('v1')
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v2')
    await eventually(async () => (await ask('etcd.baidu.com')) === 'v2', 'the alias is followed')
    child?.signal('SIGTERM')
    expect(await child?.ended()).toBe(0)
  })

  it('follows the alias with documents of a config API, if it is told of one, and takes up another at SIGHUP', async () => {
    const apis = [await new ConfigApi().start(), await new ConfigApi().start()]
    for (const [at, name] of (['v1', 'v2'] as const).entries()) {
      apis[at]?.putBackend('/traefik/dev/v1', 'web', { servers: { one: { url: urlOf(name) } } })
      apis[at]?.putFrontend('/traefik/dev/v1', 'web', { backend: 'web', rule: 'Host:etcd.baidu.com' })
    }
    await etcd.put('/traefik/dev/alias', '/traefik/dev/v1')
    const page = await readFile(STARTING_PAGE, 'utf8')
    const withApi = async (api: ConfigApi | undefined) => {
      await writeFile(join(folder, 'new'), `${page}\n[etcd.api]\nurl = "${api?.url}"\n`)
      await rename(join(folder, 'new'), join(folder, 'traefik.toml'))
    }
    await withApi(apis[0])
    const ask = await start()
    expect(await ask('etcd.baidu.com')).toBe('v1')
    expect(await ask('www.baidu.com', '127.0.1.7')).toBe('.57:9111')
    await withApi(apis[1])
    child?.signal('SIGHUP')
    await child?.sees(/^reloaded$/m)
    await eventually(async () => (await ask('etcd.baidu.com')) === 'v2', 'the other API is asked')
    child?.signal('SIGTERM')
    expect(await child?.ended()).toBe(0)
    await Promise.all(apis.map((api) => api.close()))
  })
})
