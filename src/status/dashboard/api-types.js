/** This file declares the types of the answers of the status API, and contains no code. */

/** A problem that was found in a configuration. @typedef {{ path: string, code: string, message: string }} Issue */
/** The first names of a list, and the number of all its names. @typedef {{ count: number, names: string[] }} Names */
/** The changes from one configuration to the next. @typedef {{ added: Names, removed: Names, changed: Names }} Diff */

/**
 * An entry of the configuration history: the proxy switched to a new configuration.
 *
 * @typedef {object} Switch
 * @property {'switch'} type
 * @property {number} id
 * @property {string} at
 * @property {number} generation
 * @property {string} provider
 * @property {string} [version]
 * @property {boolean} verified
 * @property {{ frontends: Diff, backends: Diff }} changes
 * @property {Record<string, number>} steps the milliseconds that each step of the switch took, in order
 * @property {Issue[]} warnings
 */

/**
 * An entry of the configuration history: the proxy refused a configuration.
 *
 * @typedef {object} Refusal
 * @property {'refusal'} type
 * @property {number} id
 * @property {string} at
 * @property {string} provider
 * @property {string} [version]
 * @property {{ code: string, message: string, issues: Issue[], issueCount: number }} error
 */

/** An entry of the configuration history: a new configuration, or a refused one. @typedef {Switch | Refusal} Entry */

/**
 * The state of a provider, such as its live version and its last error.
 *
 * @typedef {object} ProviderState
 * @property {string} provider
 * @property {'pending' | 'live' | 'unavailable'} state
 * @property {string} [version]
 * @property {string} [liveSince]
 * @property {number} [ageMs]
 * @property {string} [staleSince] when the last good configuration that serves was saved
 * @property {Names} [droppedGuards] the paths of guards that the proxy ignores
 * @property {{ at: string, code?: string, message: string }} [lastError]
 */

/**
 * The progress of a shutdown, with the number of requests in flight.
 *
 * @typedef {{ step: 'accepting' | 'draining' | 'cutting' | 'closed', inFlight: number }} Shutdown
 */

/**
 * The state of the proxy: its generation, the numbers of frontends and backends, and its providers.
 *
 * @typedef {object} Config
 * @property {number} generation
 * @property {string} startedAt
 * @property {number} frontends
 * @property {number} backends
 * @property {ProviderState[]} providers
 * @property {Shutdown} [shutdown]
 */

/**
 * A frontend of the live configuration, with its number of requests and its share of the recent requests.
 *
 * @typedef {object} Frontend
 * @property {string} name
 * @property {string} rule
 * @property {number} priority
 * @property {string} backend
 * @property {string[]} [entryPoints]
 * @property {number} requests
 * @property {number} share
 */

/**
 * A server of a backend, with its state and its traffic.
 *
 * @typedef {object} Server
 * @property {string} name
 * @property {string} url
 * @property {number} weight
 * @property {'up' | 'down' | 'off'} state
 * @property {string} [reason] why the server is down
 * @property {number} inFlight
 * @property {number} connections
 * @property {number} requests
 * @property {number} errors
 * @property {number} [meanMs]
 * @property {number} [p99Ms]
 */

/**
 * A backend of the live configuration, with its traffic and its servers.
 *
 * @typedef {{ name: string, method: string, requests: number, retries: number, inFlight: number, servers: Server[] }} Backend
 */

/**
 * One page of a list: `total` counts all entries of the list, `matching` those that match the search.
 *
 * @template T
 * @typedef {{ generation: number, total: number, matching: number, entries: T[] }} Page
 */

/**
 * The traffic of one second. The percentiles are those of the latency.
 *
 * @typedef {object} Point
 * @property {string} at
 * @property {number} requests
 * @property {number} errors
 * @property {number} [p50Ms]
 * @property {number} [p90Ms]
 * @property {number} [p99Ms]
 * @property {number} inFlight
 */

/**
 * The frontend that would serve an explained request.
 *
 * @typedef {object} Winner
 * @property {string} frontend
 * @property {string} backend
 * @property {number} priority
 * @property {string} rule
 * @property {string} [path]
 * @property {{ middleware: string, verdict: string }[]} chain its middlewares, and what each says of the request
 * @property {{ status: number, location?: string }} [answer]
 */

/**
 * Which frontend would serve a request, and why the other frontends would not.
 *
 * @typedef {object} Explanation
 * @property {number} generation
 * @property {Winner} [winner]
 * @property {{ frontend: string, rule: string, by: string, unknown?: string }[]} refused
 * @property {number} refusedCount
 * @property {{ frontend: string, rule: string, priority: number }[]} outranked
 * @property {number} outrankedCount
 * @property {{ name: string, url: string, weight: number }[]} servers
 * @property {{ steps: { middleware: string, verdict: string }[] }} [entryPoint] what its middlewares say, before any frontend
 * @property {string} text
 */

export {}
