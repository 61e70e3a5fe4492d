import { request } from './api.js'

/** The server sends a comment every 10 s; a connection silent for longer is dead, whatever the browser thinks. */
const SILENCE_MS = 15_000
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 10_000

/**
 * @typedef {object} Listener
 * @property {() => void} onOpen after each connect: whatever was known before may be old
 * @property {(name: string, data: unknown) => void} onEvent
 * @property {() => void} onHeard with every sign of life
 * @property {(error: Error, waitMs: number) => void} onLost
 */

/**
 * Follows the event stream for as long as the page lives. `EventSource` would do, could it send a token.
 *
 * @param {Listener} listener
 */
export async function followEvents(listener) {
  let waitMs = FIRST_WAIT_MS
  for (;;) {
    const opened = await connect(listener).catch((error) => error)
    if (opened.heard) waitMs = FIRST_WAIT_MS
    // Many pages lose one server at the same moment; they should not all come back in one.
    const jittered = waitMs * (0.8 + Math.random() * 0.2)
    listener.onLost(opened.error, jittered)
    await new Promise((resolve) => setTimeout(resolve, jittered))
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }
}

/**
 * One connection, to its end.
 *
 * @param {Listener} listener
 * @returns {Promise<{ heard: boolean, error: Error }>}
 */
async function connect(listener) {
  const controller = new AbortController()
  let heard = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence
  const alive = () => {
    clearTimeout(silence)
    silence = setTimeout(() => controller.abort(new Error('no sign of life')), SILENCE_MS)
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
 * @param {Response} response
 * @param {() => void} alive
 * @param {Listener['onEvent']} onEvent
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
 * As much of the format of server-sent events as this API uses: `event`, `data`, comments.
 *
 * @param {Listener['onEvent']} onEvent
 */
function createParser(onEvent) {
  let rest = ''
  let name = ''
  let data = ''
  /** @param {string} line */
  const take = (line) => {
    if (line === '') {
      if (data !== '') onEvent(name, JSON.parse(data))
      name = ''
      data = ''
    } else if (line.startsWith('event:')) name = line.slice(6).trim()
    else if (line.startsWith('data:')) data += line.slice(5)
  }
  /** @param {string} chunk */
  return (chunk) => {
    const lines = (rest + chunk).split(/\r?\n/)
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}
