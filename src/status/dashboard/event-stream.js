import { request } from './api.js'

/** Milliseconds without data after which the connection counts as lost. The server sends at least a comment every 10 s. */
const SILENCE_MS = 15_000
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 10_000

/**
 * The functions that are called as the event stream connects, sends data and breaks off.
 *
 * @typedef {object} Listener
 * @property {() => void} onOpen called when a connection has opened, because earlier data may be out of date
 * @property {(name: string, data: unknown) => void} onEvent
 * @property {() => void} onHeard called whenever data arrives
 * @property {(error: Error, waitMs: number) => void} onLost called when a connection has ended
 *   and the next one begins after `waitMs`
 */

/**
 * Reads the event stream of the status server while the page is open, and connects again after each loss. It uses `fetch`,
 * because `EventSource` cannot send a token.
 *
 * @param {Listener} listener
 */
export async function followEvents(listener) {
  let waitMs = FIRST_WAIT_MS
  for (;;) {
    const opened = await connect(listener).catch((error) => error)
    if (opened.heard) waitMs = FIRST_WAIT_MS
    // Vary the waiting time at random (jitter). Many pages may lose the server at the same time, and they should not all
    // reconnect at once.
    const jittered = waitMs * (0.8 + Math.random() * 0.2)
    listener.onLost(opened.error, jittered)
    await new Promise((resolve) => setTimeout(resolve, jittered))
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }
}

/**
 * Opens one connection to the event stream, and reads the stream to its end. `heard` is true if the server accepted the
 * connection, and `error` says why the stream ended.
 *
 * @param {Listener} listener
 * @returns {Promise<{ heard: boolean, error: Error }>}
 */
async function connect(listener) {
  const controller = new AbortController()
  let heard = false
  /** The timer that ends the connection if no data arrives. @type {ReturnType<typeof setTimeout> | undefined} */
  let silence
  const alive = () => {
    clearTimeout(silence)
    silence = setTimeout(() => controller.abort(new Error('no data from the server')), SILENCE_MS)
    listener.onHeard()
  }
  try {
    const response = await request('events', {}, controller.signal)
    heard = true
    alive()
    listener.onOpen()
    await readEvents(response, alive, listener.onEvent)
    return { heard, error: new Error('the server closed the connection') }
  } catch (error) {
    return { heard, error: error instanceof Error ? error : new Error(String(error)) }
  } finally {
    clearTimeout(silence)
    controller.abort()
  }
}

/**
 * Reads the response of the event stream to its end.
 *
 * @param {Response} response
 * @param {() => void} alive called whenever data arrives
 * @param {Listener['onEvent']} onEvent called for each event
 */
async function readEvents(response, alive, onEvent) {
  if (response.body === null) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const parse = createParser(onEvent)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    alive()
    parse(value)
  }
}

/**
 * Returns a function that parses pieces of an event stream. It parses the part of the server-sent events format that this API
 * uses: `event`, `data` and comments.
 *
 * @param {Listener['onEvent']} onEvent called for each event
 */
function createParser(onEvent) {
  let rest = ''
  let name = ''
  let data = ''
  /** Parses one line of the event stream. An empty line ends an event. @param {string} line */
  const take = (line) => {
    if (line === '') {
      if (data !== '') onEvent(name, JSON.parse(data))
      name = ''
      data = ''
    } else if (line.startsWith('event:')) name = line.slice(6).trim()
    else if (line.startsWith('data:')) data += line.slice(5)
  }
  /** Parses a piece of the event stream. A line that is not complete waits for the next piece. @param {string} chunk */
  return (chunk) => {
    const lines = (rest + chunk).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}
