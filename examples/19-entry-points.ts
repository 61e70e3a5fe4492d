/**
 * Entry points: named addresses with settings of their own. They are added, moved and removed while the proxy runs.
 *
 *     npx tsx examples/19-entry-points.ts
 */
import { createProxy } from 'switchover'
import { NamedServer } from './demo/named-server.js'

const [site, admin] = await Promise.all([NamedServer.start('site'), NamedServer.start('admin')])
const backend = ({ url }: NamedServer) => ({ servers: { one: { url } } })
const proxy = createProxy({
  config: {
    frontends: {
      site: { backend: 'site', rule: 'PathPrefix:/' },
      admin: { backend: 'admin', rule: 'PathPrefix:/', entryPoints: ['internal'], priority: 100 },
    },
    backends: { site: backend(site), admin: backend(admin) },
  },
  // A load balancer may ask for /ping on the port of the clients.
  entryPoints: {
    public: { address: '127.0.0.1:0', status: ['ping'], limits: { connectionsPerAddress: 100 } },
  },
  status: {},
})
const { url } = await proxy.listen('public')
await proxy.ready()
const ask = async (at = '') => (await (await fetch(at)).text()).trim()
console.log('public:', await ask(url), '| ping:', await ask(`${url}/ping`))

// The whole new table, in one step: if an address were taken, nothing would change.
const table = { public: { address: '127.0.0.1:0' }, internal: { address: '127.0.0.1:0', trustedProxies: [] } }
const bound = await proxy.setEntryPoints(table, { listen: ['public', 'internal'] })
console.log('public stays:', bound['public']?.url === url, '| internal:', await ask(bound['internal']?.url))

// The listener closes, requests in progress finish, and the other entry point goes on.
await proxy.unlisten('internal', { drainMs: 5_000 })
console.log('public still serves:', await ask(url))

await Promise.all([proxy.close(), site.close(), admin.close()])
