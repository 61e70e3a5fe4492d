import { isForUs } from './check-request.js'
import { senderOf } from './headers/client-address.js'
import type { EntryPointTrust } from './headers/peer-trust.js'
import type { UnderscoreHeaders } from './headers/proxy-fields.js'
import type { RequestHead } from './headers/request-head.js'
import { LiveFacts } from './read-facts.js'
import type { Snapshot } from './snapshot.js'

/**
 * Returns whether a frontend matches an upgrade request. The function does not read from the socket or write to it: if no
 * frontend matches, other `upgrade` listeners of the application need the socket untouched.
 *
 * @returns undefined if no configuration is live yet, or if the request cannot be read or the rules fail on it
 */
export function claimOf(
  head: RequestHead,
  entryPoint: string | undefined,
  snapshot: Snapshot | undefined,
  allTrust: EntryPointTrust,
  underscoreHeaders: UnderscoreHeaders,
): boolean | undefined {
  if (!snapshot) return undefined
  if (isForUs(head)) return false
  try {
    const { peer, trusted, clientAddress } = senderOf(head, allTrust.at(entryPoint))
    const facts = new LiveFacts(head, clientAddress, peer, trusted, entryPoint, underscoreHeaders)
    return snapshot.router.match(facts) !== undefined
  } catch {
    return undefined
  }
}
