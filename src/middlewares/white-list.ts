import { parseRange } from '../base/cidr.js'
import type { Flaw } from '../base/field-kinds.js'
import { compileWithin } from '../base/range-set.js'
import { flag, list, object } from '../base/schema.js'
import { LETS_IN } from '../base/why-it-guards.js'
import type { WhiteList } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { RequestFacts } from '../model/request-facts.js'
import type { Row } from './middleware-kind.js'

/** How a document declares it. */
export const WHITE_LIST_FIELD = {
  ...object<WhiteList>(
    {
      type: 'WhiteList',
      meaning:
        'An allow list of addresses. The proxy answers any other client with 403; it tries no other frontend for that ' +
        'request. Source: Traefik 1.7 `whiteList`.',
    },
    {
      sourceRange: list({
        meaning: 'Addresses and ranges, IPv4 and IPv6.',
        required: { expected: 'a list of addresses and ranges' },
        check: (ranges) => flawsOfRanges(ranges),
      }),
      useXForwardedFor: flag({
        meaning:
          'If true, the list is about the client address. If false, it is about the peer address, even of a proxy.',
        default: false,
      }),
    },
  ),
  guard: LETS_IN,
}

/**
 * Lets only clients from some addresses pass. A client that is not on the list does not fall through to another frontend: the rule
 * chooses the frontend, and the list only decides which clients may use it. Source: Traefik 1.7 `whiteList`.
 */
export const WHITE_LIST: Row<WhiteList> = {
  field: 'whiteList',
  schema: WHITE_LIST_FIELD,
  isForEntryPoints: true,
  of: ({ config }) => config.whiteList,
  flaws: ({ sourceRange }) => flawsOfRanges(sourceRange),
  compile: (config) => {
    const isOn = compiledList(config)
    return {
      name: 'whiteList',
      onRequest: ({ facts, peerAddress, frontend, entryPoint }) => {
        const address = addressFor(config, facts, peerAddress)
        if (isOn(address)) return undefined
        const where = frontend ?? `the entry point ${entryPoint}`
        return new ProxyError(
          'PROXY_FORBIDDEN',
          `${address || 'no address'} is not on the white list of ${where}`,
        )
      },
    }
  },
  explain: (config, facts, peerAddress) => {
    const address = addressFor(config, facts, peerAddress)
    const who = address || 'a client without an address'
    return compiledList(config)(address)
      ? { verdict: `${who} is on the white list` }
      : { verdict: `${who} is not on the white list`, answer: { status: 403 } }
  },
}

/** The address that the list is about. Serving and explaining both ask this function. */
function addressFor({ useXForwardedFor }: WhiteList, { clientAddress }: RequestFacts, peer: string): string {
  return useXForwardedFor ? clientAddress : peer
}

const COMPILED = new WeakMap<WhiteList, (address: string) => boolean>()

/** Returns the function that tells whether an address is on the list. It is compiled once for each list. */
function compiledList(config: WhiteList): (address: string) => boolean {
  const known = COMPILED.get(config) ?? compileWithin(config.sourceRange.map(parseRange))
  COMPILED.set(config, known)
  return known
}

/** Returns what is wrong with the addresses and ranges of a list. */
export function flawsOfRanges(ranges: readonly string[]): Flaw[] {
  return ranges.flatMap((range, index) => {
    try {
      parseRange(range)
      return []
    } catch (error) {
      return [{ code: 'INVALID_RANGE', message: (error as Error).message, below: `[${index}]` }]
    }
  })
}
