import { byId, element, setText } from './element.js'
import { formatDuration, formatTime } from './format.js'

/** Shows whether the page is connected to the status server, and since when the data on the page may be out of date. */
export function createConnection() {
  const state = byId('connection', HTMLElement)
  const notice = byId('connection-notice', HTMLElement)
  /** The time when the server last sent data, as returned by `Date.now()`. @type {number | undefined} */
  let heardAt
  /** The timer that counts down to the next attempt to connect. @type {ReturnType<typeof setInterval> | undefined} */
  let countdown

  /**
   * Shows the state of the connection.
   *
   * @param {'connecting' | 'live' | 'lost'} name the state, for style sheets
   * @param {string} text the state in words
   */
  const show = (name, text) => {
    document.body.dataset['connection'] = name
    setText(state, text)
  }
  return {
    heard() {
      heardAt = Date.now()
    },
    open() {
      clearInterval(countdown)
      notice.hidden = true
      show('live', 'Connected')
    },
    /**
     * Shows that the connection is lost, and counts down to the next attempt.
     *
     * @param {Error} error
     * @param {number} waitMs milliseconds until the next attempt
     */
    lost(error, waitMs) {
      clearInterval(countdown)
      const again = Date.now() + waitMs
      const last =
        heardAt === undefined ? 'no data received yet' : `last data received at ${formatTime(heardAt)}`
      const wait = element('span')
      const count = () => setText(wait, `Trying again in ${formatDuration(again - Date.now() + 999)}.`)
      count()
      countdown = setInterval(count, 1000)
      const said = `Connection lost, ${last}.`
      // If the outage has just begun, show it as an alert, which a screen reader reads aloud. The screen reader must not read it
      // again for each attempt to reconnect.
      if (document.body.dataset['connection'] !== 'lost') {
        notice.replaceChildren(element('strong', { role: 'alert' }, said))
      } else notice.replaceChildren(element('strong', {}, said))
      notice.append(
        ' The page may be out of date. ',
        element('span', { class: 'hint' }, `(${error.message}) `),
        wait,
      )
      notice.hidden = false
      show('lost', 'Connection lost')
    },
  }
}
