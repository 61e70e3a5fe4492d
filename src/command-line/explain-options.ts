import { InvalidArgumentError } from 'commander'
import { present } from '../base/records.js'
import { TOKEN } from '../base/token.js'
import type { RequestSketch } from '../proxy/request-sketch.js'

/** The options of the command `explain`, as the library commander delivers them. */
export interface ExplainOptions {
  readonly host: string
  readonly path: string
  readonly clientIp: string
  readonly peerIp?: string
  readonly method?: string
  readonly header: Readonly<Record<string, string | string[]>>
  readonly entryPoint?: string
  readonly configFile?: string
  readonly json?: boolean
}

/** Returns the request that the options of the command `explain` describe. */
export function requestOfOptions(options: ExplainOptions): RequestSketch {
  const [path = '', query] = options.path.split(/\?(.*)/s)
  const { host, clientIp: clientAddress, peerIp: peerAddress, method, header: headers, entryPoint } = options
  return { host, path, clientAddress, headers, ...present({ query, method, peerAddress, entryPoint }) }
}

/** Adds a header that the command line gives as `Name: value` to those before it. @throws InvalidArgumentError for another form */
export function addHeader(text: string, headers: ExplainOptions['header']): ExplainOptions['header'] {
  const [, name = '', value = ''] = /^([^:]*):([\s\S]*)$/.exec(text) ?? []
  if (!TOKEN.test(name)) throw new InvalidArgumentError("Expected 'Name: value'.")
  const key = name.toLowerCase()
  const before = headers[key]
  return { ...headers, [key]: before === undefined ? value.trim() : [before, value.trim()].flat() }
}
