import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ValidateOptions } from '../rules/document-checker.js'
import type { UpstreamTimeouts } from './upstreams.js'

/** Options of the data plane; `createProxy` takes the same. */
export interface EngineOptions extends ValidateOptions {
  /** Addresses and ranges of the proxies in front, whose `X-Forwarded-*` headers are believed. Default: none. */
  readonly trustedProxies?: readonly string[]
  /** Whether servers get `Forwarded` (RFC 7239) beside `X-Forwarded-*`. Default false. */
  readonly forwarded?: boolean
  /** Limits on the way to servers. Defaults: `connectMs` 10,000, `responseHeadMs` 60,000, `bodyIdleMs` 300,000. */
  readonly timeouts?: Partial<UpstreamTimeouts>
  /** `attempts`: how often a request is sent at most, the first time included. Default 3; 1: never again. */
  readonly retry?: { readonly attempts?: number }
}

/** A request handler for node:http, and for connect-style frameworks: `next` is called where no frontend matches. */
export type RequestHandler = (
  req: IncomingMessage,
  res: ServerResponse,
  next?: (error?: unknown) => void,
) => void
/** A handler of node:http's `upgrade` event. */
export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void
