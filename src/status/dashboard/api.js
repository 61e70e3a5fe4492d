const TOKEN_KEY = 'switchover-token'
const ANSWER_MS = 10_000

/** An error that the status API reported to the dashboard. */
export class ApiError extends Error {
  /**
   * Creates an error from an answer of the status API.
   *
   * @param {number} status the HTTP status
   * @param {string} code the error code, such as `TOKEN_REQUIRED`
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Asks the user for a token. `wrong` is true if the last token was refused. @type {(wrong: boolean) => Promise<string>} */
let askForToken = async () => {
  throw new ApiError(401, 'UNAUTHORIZED', 'this status server needs a token')
}
/** Resolves when the user has entered a token. Undefined while the user is not being asked. @type {Promise<void> | undefined} */
let asking

/**
 * Sets the function that asks the user for a token.
 *
 * @param {(wrong: boolean) => Promise<string>} ask its argument is true if the last token was refused
 */
export function onTokenNeeded(ask) {
  askForToken = ask
}

/**
 * Reads one resource of the status API, and parses the JSON body of the response.
 *
 * @param {string} path the path below `/api/`
 * @param {Record<string, string | number>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<unknown>}
 */
export async function readJson(path, query = {}, signal = undefined) {
  const response = await request(path, query, signal)
  return response.json()
}

/**
 * Requests one resource of the status API, and resolves with the response. If the server needs a token, this waits until the user
 * has entered one. It throws an `ApiError` if the response has any other error status.
 *
 * @param {string} path the path below `/api/`
 * @param {Record<string, string | number>} [query]
 * @param {AbortSignal} [signal]
 */
export async function request(path, query = {}, signal = undefined) {
  // Build the URL relative to the URL of this file. It is then right under any path at which the status server is mounted.
  const url = new URL(`../api/${path}`, import.meta.url)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
  for (;;) {
    const token = sessionStorage.getItem(TOKEN_KEY)
    /** The request headers, with the token if the user has entered one. @type {Record<string, string>} */
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const response = await answerTo(url, headers, signal)
    if (response.ok) return response
    if (response.status !== 401) throw await errorOf(response)
    void response.body?.cancel()
    await newToken(token)
  }
}

/**
 * Fetches a URL, and gives up if no response has begun within `ANSWER_MS`. A response that has begun may take longer.
 *
 * @param {URL} url
 * @param {Record<string, string>} headers
 * @param {AbortSignal | undefined} signal
 */
async function answerTo(url, headers, signal) {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error('no answer from the status server')), ANSWER_MS)
  const either = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal
  try {
    return await fetch(url, { headers, cache: 'no-store', signal: either })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits until the user has entered a new token. Several requests may be refused at the same time, but the user is asked only
 * once.
 *
 * @param {string | null} refused the token that was refused, or null if none was sent
 */
async function newToken(refused) {
  if (sessionStorage.getItem(TOKEN_KEY) !== refused) return
  asking ??= askForToken(refused !== null).then((token) => {
    sessionStorage.setItem(TOKEN_KEY, token)
    asking = undefined
  })
  await asking
}

/** Turns an error response of the status API into an `ApiError`. @param {Response} response */
async function errorOf(response) {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text)
    return new ApiError(response.status, String(error.code), String(error.message))
  } catch {
    return new ApiError(response.status, 'HTTP', `the status server answered ${response.status}`)
  }
}
