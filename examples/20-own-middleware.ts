// A middleware of one's own, tried without a socket. Run: npx tsx examples/20-own-middleware.ts
import { createProxy, type MiddlewareKind } from 'switchover'
import { requestTo } from 'switchover/testing'

/** Answers clients without the right key with 401. The document says which key is right. */
const apiKey: MiddlewareKind<string> = {
  field: 'apiKey',
  schema: {
    meaning: 'The key that clients must send as X-Api-Key.',
    expected: 'a text',
    is: (value) => typeof value === 'string' && value !== '',
    guard: 'without it every client gets in',
    isSecret: true,
  },
  compile: (key) => ({
    name: 'apiKey',
    onRequest: ({ facts, headers }) => {
      if (facts.headers['x-api-key'] !== key) return { status: 401, body: 'a key, please\n' }
      headers.delete('X-Api-Key')
      return undefined
    },
  }),
  explain: (key, { headers }) =>
    headers['x-api-key'] === key
      ? { verdict: 'the key is right' }
      : { verdict: 'the key is wrong', answer: { status: 401 } },
}

const frontends = { api: { backend: 'app', rule: 'Host:api.test', apiKey: 'sesame' } }
const config = { frontends, backends: { app: { servers: {} } } }
const proxy = createProxy({ config, middlewares: [apiKey] })
await proxy.ready()

const stranger = await requestTo(proxy, 'http://api.test/')
console.log(stranger.status, (await stranger.text()).trim())
const friend = await requestTo(proxy, 'http://api.test/', { headers: { 'X-Api-Key': 'sesame' } })
console.log(friend.status, (await friend.text()).trim())
console.log(proxy.explain({ host: 'api.test', path: '/', clientAddress: '192.0.2.1' }).winner?.chain)
await proxy.close()
