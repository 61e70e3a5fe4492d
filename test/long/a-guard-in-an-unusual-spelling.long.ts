import { createProxy, EtcdProvider } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { keysOf } from '../support/etcd-keys.js'
import { EtcdServer } from '../support/etcd-server.js'
import { nextEvent } from '../support/next-event.js'

it('a guard beside the alias, in a spelling that is not watched, is found by the read every half a minute', {
  timeout: 60_000,
}, async () => {
  await using etcd = await EtcdServer.start()
  const document = {
    frontends: { web: { backend: 'web', routes: { main: { rule: 'PathPrefix:/' } } } },
    backends: { web: { servers: { one: { url: 'http://127.0.0.1:9' } } } },
  }
  for (const [key, value] of Object.entries(keysOf(document, '/z/dev/v1'))) await etcd.put(key, value)
  await etcd.put('/z/alias', '/z/dev/v1')
  const proxy = createProxy({ providers: [new EtcdProvider({ hosts: etcd.url, prefix: '/z' })] })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  const refused = nextEvent(proxy, 'configRejected', () => true, 45_000)
  await etcd.put('/z/eNtRyPoInTs/http/auth/basic/users/0', 'a:b')
  const paths = (await refused).error.issues.map(({ path }) => path)
  expect(paths).toEqual(['entryPoints.http.auth'])
})
