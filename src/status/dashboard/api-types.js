/** The types of the status API's answers. This file contains no code. */

/** @typedef {{ path: string, code: string, message: string }} Issue */
/** @typedef {{ count: number, names: string[] }} Names `count` is the number of all names, `names` has the first of them */
/** @typedef {{ added: Names, removed: Names, changed: Names }} Diff */

/**
 * @typedef {object} Switch
 * @property {'switch'} type
 * @property {number} id
 * @property {string} at
 * @property {number} generation
 * @property {string} provider
 * @property {string} [version]
 * @property {boolean} verified
 * @property {{ frontends: Diff, backends: Diff }} changes
 * @property {Record<string, number>} steps milliseconds by step, in order
 * @property {Issue[]} warnings
 */

/**
 * @typedef {object} Refusal
 * @property {'refusal'} type
 * @property {number} id
 * @property {string} at
 * @property {string} provider
 * @property {string} [version]
 * @property {{ code: string, message: string, issues: Issue[], issueCount: number }} error
 */

/** @typedef {Switch | Refusal} Entry */

/**
 * @typedef {object} ProviderState
 * @property {string} provider
 * @property {'pending' | 'live' | 'unavailable'} state
 * @property {string} [version]
 * @property {string} [liveSince]
 * @property {number} [ageMs]
 * @property {string} [staleSince]
 * @property {Names} [droppedGuards] paths of fields that guard and were left out
 * @property {{ at: string, code?: string, message: string }} [lastError]
 */

/** @typedef {{ step: 'accepting' | 'draining' | 'cutting' | 'closed', inFlight: number }} Shutdown */
/** @typedef {{ generation: number, startedAt: string, frontends: number, backends: number, providers: ProviderState[], shutdown?: Shutdown }} Config */

/**
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
 * @typedef {object} Server
 * @property {string} name
 * @property {string} url
 * @property {number} weight
 * @property {'up' | 'down' | 'off'} state
 * @property {string} [reason] Why it is down.
 * @property {number} inFlight
 * @property {number} connections
 * @property {number} requests
 * @property {number} errors
 * @property {number} [meanMs]
 * @property {number} [p99Ms]
 */

/** @typedef {{ name: string, method: string, requests: number, retries: number, inFlight: number, servers: Server[] }} Backend */

/**
 * @template T
 * @typedef {{ generation: number, total: number, matching: number, entries: T[] }} Page
 */

/**
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
 * @typedef {object} Winner
 * @property {string} frontend
 * @property {string} backend
 * @property {number} priority
 * @property {string} rule
 * @property {string} [path]
 * @property {{ status: 301, location: string } | { status: 403 }} [answer]
 */

/**
 * @typedef {object} Explanation
 * @property {number} generation
 * @property {Winner} [winner]
 * @property {{ frontend: string, rule: string, by: string, unknown?: string }[]} refused
 * @property {number} refusedCount
 * @property {{ frontend: string, rule: string, priority: number }[]} outranked
 * @property {number} outrankedCount
 * @property {{ name: string, url: string, weight: number }[]} servers
 * @property {string} text
 */

export {}
