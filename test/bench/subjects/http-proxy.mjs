import httpProxy from 'http-proxy'
import { serveByHttpProxy } from './serve.mjs'

serveByHttpProxy(httpProxy.createProxyServer)
