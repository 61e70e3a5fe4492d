import { TOKEN_CHARACTER } from '../../base/token.js'
import { addressInElement } from './client-address.js'
import { elementsOf } from './list-elements.js'

/**
 * Matches one pair of a `Forwarded` header, such as `for=192.0.2.1`: a name, `=`,
 * and a token or a quoted string (RFC 7239, section 4; RFC 9110, 5.6.2 and 5.6.4).
 */
const PAIR = new RegExp(
  `${TOKEN_CHARACTER}+=(?:${TOKEN_CHARACTER}+|"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*")`,
  'y',
)
/**
 * Matches the separator between two pairs of a `Forwarded` header: `;` within a list element, or a
 * comma between two elements. Empty list elements are allowed, and count as part of the separator.
 */
const BETWEEN = /[ \t]*[;,][ \t;,]*/y

/**
 * Returns the chain of addresses that a trusted proxy sent, in the syntax of the `Forwarded` header. A valid `Forwarded`
 * header takes precedence over `X-Forwarded-For` (RFC 7239, section 7.4). Returns undefined if the proxy sent neither.
 */
export function forwardedChain(
  forwarded: string | undefined,
  forwardedFor: string | undefined,
): string | undefined {
  const kept = forwarded === undefined ? undefined : validForwarded(forwarded)
  if (kept !== undefined) return kept
  if (forwardedFor === undefined) return undefined
  return elementsOf(forwardedFor).map(nodeOf).join(', ') || undefined
}

/**
 * Returns the value of a `Forwarded` header without empty list elements and without the
 * zones of addresses. Returns undefined if the value has no element or breaks the grammar.
 */
function validForwarded(text: string): string | undefined {
  let written = ''
  let at = lengthOf(/[ \t;,]*/y, text, 0)
  while (at < text.length) {
    const pair = lengthOf(PAIR, text, at)
    if (pair === 0) return undefined
    written += text.slice(at, at + pair)
    at += pair
    const between = lengthOf(BETWEEN, text, at)
    if (between === 0) return /^[ \t]*$/.test(text.slice(at)) ? withoutZonesInBrackets(written) : undefined
    const separator = text.slice(at, at + between).includes(',') ? ', ' : ';'
    at += between
    if (at < text.length) written += separator
  }
  return written === '' ? undefined : withoutZonesInBrackets(written)
}

function lengthOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at
  return sticky.exec(text)?.[0].length ?? 0
}

/**
 * Converts a list element of `X-Forwarded-For` to one of the `Forwarded` header. A name such as `_hidden`, by
 * which a proxy hides the client's address, stays. Every other text that is not an address becomes `unknown`.
 */
function nodeOf(element: string): string {
  const address = addressInElement(element)
  if (address !== undefined) return address.includes(':') ? `for="[${address}]"` : `for=${address}`
  return /^_[\w.-]+$/.test(element) ? `for=${element}` : 'for=unknown'
}

/** Removes the zones (`%eth0`) of the addresses in an `X-Forwarded-For` value. A zone means nothing on other machines. */
export function withoutZones(chain: string): string {
  if (!chain.includes('%')) return chain
  return elementsOf(chain).map(withoutZone).join(', ')
}

/** Removes the zone (`%eth0`) from one address. A list element that is not an address is returned unchanged. */
function withoutZone(element: string): string {
  const zone = element.indexOf('%')
  if (zone < 0 || addressInElement(element) === undefined) return element
  const bracket = element.indexOf(']')
  return element.slice(0, zone) + (bracket < 0 ? '' : element.slice(bracket))
}

function withoutZonesInBrackets(forwarded: string): string {
  return forwarded.includes('%') ? forwarded.replace(/(\[[\da-f:.]+)%[^[\]"]*\]/gi, '$1]') : forwarded
}
