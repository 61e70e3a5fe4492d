import type { RawCase } from './case.js'
import { connections } from './connections.js'
import { lenientParsers } from './lenient-parsers.js'
import { lookAlikes } from './look-alikes.js'
import { refusedInAPipeline } from './refused-in-a-pipeline.js'
import { requestFraming } from './request-framing.js'
import { requestHeaders } from './request-headers.js'
import { requestLines } from './request-lines.js'
import { responseFraming, responseHeads } from './responses.js'
import { upgradeMethods } from './upgrade-methods.js'

/** Every case, by theme. */
export const RAW_CASES: Readonly<Record<string, readonly RawCase[]>> = {
  'the framing of requests': requestFraming,
  'request lines': requestLines,
  'headers of requests': requestHeaders,
  'the framing of responses': responseFraming,
  'heads of responses': responseHeads,
  connections,
  'names that look alike': lookAlikes,
  'lenient parsers': lenientParsers,
  'refusals in a pipeline': refusedInAPipeline,
  'methods of upgrades': upgradeMethods,
}
