import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { parseAddressKey } from '../rules/cidr.js'

/** Who asked and how: what the forwarding headers tell the server. */
export interface ForwardedFor {
  readonly peer: string
  readonly clientAddress: string
  readonly trusted: boolean
  /** Host and port as the client wrote them. */
  readonly authority: string
  /** What this proxy calls itself in `Via`. */
  readonly id: string
  /** Whether to write `Forwarded` too. */
  readonly forwarded: boolean
}

// Last, so that no Connection token can strip them (CVE-2024-45410).
export function pushForwarding(headers: string[], req: IncomingMessage, about: ForwardedFor): void {
  const before = about.trusted ? req.headers : {}
  const chain = one(before['x-forwarded-for'])
  const proto = one(before['x-forwarded-proto']) ?? ((req.socket as TLSSocket).encrypted ? 'https' : 'http')
  const host = one(before['x-forwarded-host']) ?? about.authority
  const port = one(before['x-forwarded-port']) ?? portOf(host, proto)
  if (about.peer !== '')
    headers.push('X-Forwarded-For', chain === undefined ? about.peer : `${chain}, ${about.peer}`)
  headers.push('X-Forwarded-Proto', proto)
  if (host !== '') headers.push('X-Forwarded-Host', host)
  headers.push('X-Forwarded-Port', port)
  if (parseAddressKey(about.clientAddress) !== undefined) headers.push('X-Real-Ip', about.clientAddress)
  if (about.forwarded) headers.push('Forwarded', forwardedElement(about, host, proto))
  headers.push('Via', `${req.httpVersion} ${about.id}`)
}

/** One hop as RFC 7239 writes it, section 4; what is not a plain token stands in quotes. */
function forwardedElement({ peer, id }: ForwardedFor, host: string, proto: string): string {
  const address = peer.includes(':') ? `"[${peer}]"` : peer
  const parts = [`for=${peer === '' ? 'unknown' : address}`, `by=_${id}`]
  if (host !== '') parts.push(`host=${JSON.stringify(host)}`)
  parts.push(/^\w+$/.test(proto) ? `proto=${proto}` : `proto=${JSON.stringify(proto)}`)
  return parts.join(';')
}

function portOf(authority: string, proto: string): string {
  const port = /:(\d+)$/.exec(authority)?.[1]
  return port ?? (proto === 'https' || proto === 'wss' ? '443' : '80')
}

/** What a proxy before us said, if it said anything: elements of a list that are empty mean nothing (RFC 9110, 5.6.1.2). */
function one(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value.join(', ') : value
  if (text === undefined || !/^\s*(?:,|$)|,\s*(?:,|$)/.test(text)) return text
  const elements = text.split(',').map((element) => element.trim())
  return elements.filter((element) => element !== '').join(', ') || undefined
}
