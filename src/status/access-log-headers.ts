import type { EndedRequest } from '../engine/request-reports.js'

/**
 * How the access log treats a header. `keep` logs its value, `redact` logs the word `REDACTED` instead, and `drop` leaves the
 * header out.
 */
export type HeaderMode = 'keep' | 'redact' | 'drop'

/**
 * How the access log treats request and response headers. Source: Traefik 1.7's `[accessLog.fields.headers]`. Traefik logs all
 * headers by default. This proxy logs none by default, because headers may contain credentials.
 *
 * @example
 * ```ts
 * const headers: HeaderModes = { names: { 'User-Agent': 'keep', Authorization: 'redact' } }
 * const proxy = createProxy({ config, accessLog: { file: 'access.log', format: 'json', headers } })
 * ```
 */
export interface HeaderModes {
  /**
   * How headers are logged that `names` does not list.
   *
   * @default 'drop'
   */
  readonly default?: HeaderMode
  /**
   * How single headers are logged, by header name. Upper and lower case do not matter.
   *
   * @default {}
   */
  readonly names?: Readonly<Record<string, HeaderMode>>
}

/**
 * The headers of one request and its response, as fields of a log entry. As in Traefik, a request header is the field
 * `request_NAME`, and a response header is `downstream_NAME`.
 */
export type LoggedHeaders = Readonly<Record<string, string>>

export function loggedHeaders({ default: standard = 'drop', names = {} }: HeaderModes) {
  const modes = new Map(Object.entries(names).map(([name, mode]) => [name.toLowerCase(), mode]))
  const take = (prefix: string, name: string, value: string, into: Record<string, string>): void => {
    const mode = modes.get(name.toLowerCase()) ?? standard
    if (mode === 'drop') return
    const field = `${prefix}_${titled(name)}`
    // If the header is redacted, log no value. Otherwise log the values of all lines with this header as one list with commas
    // (RFC 9110, section 5.3).
    if (mode === 'redact') into[field] = 'REDACTED'
    else into[field] = into[field] === undefined ? value : `${into[field]}, ${value}`
  }
  return ({ client, responseFields = [] }: EndedRequest): LoggedHeaders => {
    const into: Record<string, string> = {}
    for (const [name, value] of Object.entries(client.headers)) take('request', name, String(value), into)
    for (let at = 0; at < responseFields.length; at += 2)
      take('downstream', String(responseFields[at]), String(responseFields[at + 1]), into)
    return into
  }
}

/** Returns a header name in the spelling of Go's HTTP library: `user-agent` becomes `User-Agent`. */
function titled(name: string): string {
  return name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
