import type { EndedRequest } from '../engine/request-reports.js'

/** What becomes of a header: it is written, `REDACTED` is written in the place of its value, or nothing is. */
export type HeaderMode = 'keep' | 'redact' | 'drop'

/** By name, in any case. Source: Traefik 1.7's `[accessLog.fields.headers]`, whose default, to keep all, is unsafe. */
export interface HeaderModes {
  /** For those without a mode of their own. Default `drop`. */
  readonly default?: HeaderMode
  readonly names?: Readonly<Record<string, HeaderMode>>
}

/** `request_X` and `downstream_X`, as Traefik names them. */
export type LoggedHeaders = Readonly<Record<string, string>>

export function loggedHeaders({ default: standard = 'drop', names = {} }: HeaderModes) {
  const modes = new Map(Object.entries(names).map(([name, mode]) => [name.toLowerCase(), mode]))
  const take = (prefix: string, name: string, value: string, into: Record<string, string>): void => {
    const mode = modes.get(name.toLowerCase()) ?? standard
    if (mode === 'drop') return
    const field = `${prefix}_${titled(name)}`
    // Lines of one name make a list (RFC 9110, 5.3).
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

/** As Go writes it: `user-agent` is `User-Agent`. */
function titled(name: string): string {
  return name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
