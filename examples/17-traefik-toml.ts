/**
 * Runs what a traefik.toml describes, as the command line does: `npx switchover --configFile=traefik.toml`.
 *
 *     npx tsx examples/17-traefik-toml.ts
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, loadStaticConfig } from 'switchover'
import { NamedServer } from './demo/named-server.js'

const server = await NamedServer.start('one')
const folder = await mkdtemp(join(tmpdir(), 'traefik-'))
const path = join(folder, 'traefik.toml')
const rules = `
[backends.web.servers.one]
url = "${server.url}"
[frontends.web]
backend = "web"
rule = "PathPrefix:/"`
await writeFile(join(folder, 'rules.toml'), rules)
await writeFile(path, 'logLevel = "ERROR"\n[file]\nfilename = "rules.toml"\n[docker]\n')

// What Traefik has and this does not yet is a warning; what guards is an error.
const flags = { 'entryPoints.http.address': '127.0.0.1:0' }
const { options, listen, acceptMs, drainMs, warnings } = await loadStaticConfig(
  { path },
  { flags, env: process.env },
)
for (const warning of warnings) console.log(`warning: ${warning.path}: ${warning.message}`)

const proxy = createProxy(options)
const [bound] = await Promise.all(listen.map((at) => proxy.listen(at)))
await proxy.ready()
console.log('served by', (await (await fetch(bound?.url ?? '')).text()).trim())

await Promise.all([proxy.close({ acceptMs, drainMs }), server.close(), rm(folder, { recursive: true })])
