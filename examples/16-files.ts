/**
 * Follows a rules file, as Traefik's users write it, and switches when another one is put in its place.
 *
 *     npx tsx examples/16-files.ts
 */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, FileProvider } from 'switchover'
import { NamedServer } from './demo/named-server.js'

const [blue, green] = await Promise.all([NamedServer.start('blue'), NamedServer.start('green')])
const rules = (version: string, url: string) => `
version = "${version}"
[backends.web.servers.one]
url = "${url}"
[frontends.web]
backend = "web"
  [frontends.web.routes.main]
  rule = "PathPrefix:/"
`
const folder = await mkdtemp(join(tmpdir(), 'rules-'))
const filename = join(folder, 'rules.toml')
await writeFile(filename, rules('blue', blue.url))

const proxy = createProxy({ providers: [new FileProvider({ filename })] })
const { url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
await proxy.ready()
console.log('served by', (await (await fetch(url)).text()).trim())

const switched = new Promise((resolve) => proxy.once('configChanged', resolve))
await writeFile(`${filename}.new`, rules('green', green.url))
await rename(`${filename}.new`, filename) // never half of it
await switched
console.log('served by', (await (await fetch(url)).text()).trim())

await Promise.all([proxy.close(), blue.close(), green.close(), rm(folder, { recursive: true })])
