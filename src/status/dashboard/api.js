const TOKEN_KEY = 'switchover-token'
const ANSWER_MS = 10_000

/** An error that the status API reported. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** @type {(wrong: boolean) => Promise<string>} */
let askForToken = async () => {
  throw new ApiError(401, 'UNAUTHORIZED', 'this status server needs a token')
}
/** @type {Promise<void> | undefined} */
let asking

/**
 * Sets the function that asks the user for a token. @param {(wrong: boolean) => Promise<string>} ask its argument is true if
 * the last token was refused
 */
export function onTokenNeeded(ask) {
  askForToken = ask
}

/**
 * Reads one resource of the API.
 *
 * @param {string} path
 * @param {Record<string, string | number>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<unknown>}
 */
export async function readJson(path, query = {}, signal = undefined) {
  const response = await request(path, query, signal)
  return response.json()
}

/**
 * Resolves with a response that is OK. If the server needs a token, this waits until the user has entered one.
 *
 * @param {string} path
 * @param {Record<string, string | number>} [query]
 * @param {AbortSignal} [signal]
 */
export async function request(path, query = {}, signal = undefined) {
  // The path is relative to this file, so that it is right wherever the status server is mounted.
  const url = new URL(`../api/${path}`, import.meta.url)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value))
  for (;;) {
    const token = sessionStorage.getItem(TOKEN_KEY)
    /** @type {Record<string, string>} */
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const response = await answerTo(url, headers, signal)
    if (response.ok) return response
    if (response.status !== 401) throw await errorOf(response)
    void response.body?.cancel()
    await newToken(token)
  }
}

/**
 * Fetches a URL, and gives up if no response has begun in time. A response that has begun may take longer.
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
 * Waits for a new token. Several requests may be refused at the same time, but the user is asked only once. @param {string |
 * null} refused
 */
async function newToken(refused) {
  if (sessionStorage.getItem(TOKEN_KEY) !== refused) return
  asking ??= askForToken(refused !== null).then((token) => {
    sessionStorage.setItem(TOKEN_KEY, token)
    asking = undefined
  })
  await asking
}

/** @param {Response} response */
async function errorOf(response) {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text)
    return new ApiError(response.status, String(error.code), String(error.message))
  } catch {
    return new ApiError(response.status, 'HTTP', `the status server answered ${response.status}`)
  }
}
