import { TOKEN_CHARACTER } from '../../base/token.js'
import { addressInElement } from './client-address.js'
import { elementsOf } from './list-elements.js'

/** Matches a name, `=`, and a token or a quoted string (RFC 7239, section 4; RFC 9110, 5.6.2 and 5.6.4). */
const PAIR = new RegExp(
  `${TOKEN_CHARACTER}+=(?:${TOKEN_CHARACTER}+|"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*")`,
  'y',
)
/** Matches what separates two pairs: `;` within an element, a comma between two elements. Lists may hold empty elements. */
const BETWEEN = /[ \t]*[;,][ \t;,]*/y

/**
 * Returns the chain of addresses that a trusted proxy sent, in the form of `Forwarded`. A valid `Forwarded` counts first.
 * Otherwise the chain comes from `X-Forwarded-For` (RFC 7239, section 7.4). Returns undefined if there is neither.
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

/** Returns a `Forwarded` field without empty elements and zones. Returns undefined if it has no element or breaks the grammar. */
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
 * Converts an element of `X-Forwarded-For` to one of `Forwarded`. A name such as `_hidden`,
 * which hides the client, stays. Everything else that is not an address becomes `unknown`.
 */
function nodeOf(element: string): string {
  const address = addressInElement(element)
  if (address !== undefined) return address.includes(':') ? `for="[${address}]"` : `for=${address}`
  return /^_[\w.-]+$/.test(element) ? `for=${element}` : 'for=unknown'
}

/** Removes the zones of addresses from an `X-Forwarded-For` chain. A zone means nothing on other machines. */
export function withoutZones(chain: string): string {
  if (!chain.includes('%')) return chain
  return elementsOf(chain).map(withoutZone).join(', ')
}

/** Removes the zone of one address. An element that is not an address stays as it is. */
function withoutZone(element: string): string {
  const zone = element.indexOf('%')
  if (zone < 0 || addressInElement(element) === undefined) return element
  const bracket = element.indexOf(']')
  return element.slice(0, zone) + (bracket < 0 ? '' : element.slice(bracket))
}

function withoutZonesInBrackets(forwarded: string): string {
  return forwarded.includes('%') ? forwarded.replace(/(\[[\da-f:.]+)%[^[\]"]*\]/gi, '$1]') : forwarded
}
