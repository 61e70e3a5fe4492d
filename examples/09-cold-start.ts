// A start while the source is down, from what was last good. Run: npx tsx examples/09-cold-start.ts
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AliasProvider, createProxy, InMemoryAliasSource, LastGoodFile } from 'switchover'

const folder = await mkdtemp(join(tmpdir(), 'switchover-'))
const lastGood = new LastGoodFile(join(folder, 'last-good.json'), { startGraceMs: 200 })

let isDown = false
const fetcher = {
  async fetch(prefix: string) {
    if (isDown) throw new Error('the config API is down')
    const rule = 'Host:www.example.com'
    return { prefix, frontends: { web: { backend: 'web', rule } }, backends: { web: { servers: {} } } }
  },
}

async function run(): Promise<void> {
  const source = new InMemoryAliasSource('/traefik/dev/v1')
  const proxy = createProxy({ providers: [new AliasProvider({ source, fetcher })], lastGood })
  await proxy.ready()
  const { version, staleSince } = proxy.state.providers[0] ?? {}
  console.log(`${version} is live, ${staleSince === undefined ? 'fresh' : 'stale'}`)
  await proxy.close()
}

await run() // /traefik/dev/v1 is live, fresh
isDown = true
await run() // /traefik/dev/v1 is live, stale
await rm(folder, { recursive: true })
