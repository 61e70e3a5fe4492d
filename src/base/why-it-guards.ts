/** Why fields and keys guard that keep clients out, or say who asks. */
export const LETS_IN = 'without it every client gets in'

/** Why a redirect guards: it may lead to TLS. */
export const PLAIN = 'without it the proxy serves requests that it should redirect, perhaps in plain text'

/** Why limits on the requests of clients guard. */
export const LIMITS_NOTHING = 'without it nothing limits what a client may ask of a server'

/** Why TLS of clients guards. */
export const WITHOUT_TLS = 'without it the certificates, and what they require of clients, are missing'
