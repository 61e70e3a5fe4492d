import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'
import { announce, origin } from './serve.mjs'

const app = fastify()
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
app.register(replyFrom, { base: origin, undici: { connections: 128, pipelining: 1 } })
app.all('/*', (request, reply) => reply.from(request.url))
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server.address().port)
