import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
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
  const take = (
    prefix: string,
    headers: IncomingHttpHeaders | OutgoingHttpHeaders,
    into: Record<string, string>,
  ): void => {
    for (const [name, value] of Object.entries(headers)) {
      const mode = modes.get(name.toLowerCase()) ?? standard
      if (mode !== 'drop') into[`${prefix}_${titled(name)}`] = mode === 'keep' ? String(value) : 'REDACTED'
    }
  }
  return ({ req, res }: EndedRequest): LoggedHeaders => {
    const into: Record<string, string> = {}
    take('request', req.headers, into)
    take('downstream', res.getHeaders(), into)
    return into
  }
}

/** As Go writes it: `user-agent` is `User-Agent`. */
function titled(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
