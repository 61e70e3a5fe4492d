import fastProxy from 'fast-proxy'
import { origin, serve } from './serve.mjs'

const { proxy } = fastProxy({ base: origin, undici: { connections: 128, pipelining: 1 }, cacheURLs: 0 })
serve((req, res) => proxy(req, res, req.url, {}))
