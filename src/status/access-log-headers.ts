import type { EndedRequest } from '../engine/request-reports.js'

/** How a header is logged. `keep` logs its value, `redact` logs `REDACTED` instead of the value, and `drop` does not log it. */
export type HeaderMode = 'keep' | 'redact' | 'drop'

/**
 * Says how each header is logged. Source: Traefik 1.7's `[accessLog.fields.headers]`. Traefik keeps all headers by default,
 * which would write credentials into the log.
 *
 * @example
 * ```ts
 * const headers: HeaderModes = { names: { 'User-Agent': 'keep', Authorization: 'redact' } }
 * const proxy = createProxy({ config, accessLog: { file: 'access.log', format: 'json', headers } })
 * ```
 */
export interface HeaderModes {
  /**
   * The mode of headers that `names` does not list.
   *
   * @default 'drop'
   */
  readonly default?: HeaderMode
  /**
   * The modes of single headers, by name. Upper and lower case do not matter.
   *
   * @default {}
   */
  readonly names?: Readonly<Record<string, HeaderMode>>
}

/**
 * The logged headers. Traefik names their fields `request_NAME` for request headers and `downstream_NAME` for response headers.
 */
export type LoggedHeaders = Readonly<Record<string, string>>

export function loggedHeaders({ default: standard = 'drop', names = {} }: HeaderModes) {
  const modes = new Map(Object.entries(names).map(([name, mode]) => [name.toLowerCase(), mode]))
  const take = (prefix: string, name: string, value: string, into: Record<string, string>): void => {
    const mode = modes.get(name.toLowerCase()) ?? standard
    if (mode === 'drop') return
    const field = `${prefix}_${titled(name)}`
    // Several lines with the same name are one list (RFC 9110, section 5.3).
    if (mode === 'redact') into[field] = 'REDACTED'
    else into[field] = into[field] === undefined ? value : `${into[field]}, ${value}`
  }
  return ({ req, responseFields = [] }: EndedRequest): LoggedHeaders => {
    const into: Record<string, string> = {}
    for (const [name, value] of Object.entries(req.headers)) take('request', name, String(value), into)
    for (let at = 0; at < responseFields.length; at += 2)
      take('downstream', String(responseFields[at]), String(responseFields[at + 1]), into)
    return into
  }
}

/** Returns a header name as Go writes it: `user-agent` becomes `User-Agent`. */
function titled(name: string): string {
  return name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
