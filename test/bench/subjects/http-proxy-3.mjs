import httpProxy from 'http-proxy-3'
import { serveByHttpProxy } from './serve.mjs'

serveByHttpProxy(httpProxy.createProxyServer)
