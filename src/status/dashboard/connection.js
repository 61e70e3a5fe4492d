import { byId, element, setText } from './element.js'
import { formatDuration, formatTime } from './format.js'

/** Shows whether the page is connected, and since when its data may be out of date. */
export function createConnection() {
  const state = byId('connection', HTMLElement)
  const notice = byId('connection-notice', HTMLElement)
  /** @type {number | undefined} */
  let heardAt
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let countdown

  /** @param {'connecting' | 'live' | 'lost'} name @param {string} text */
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
    /** @param {Error} error @param {number} waitMs */
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
      // A screen reader reads the alert once for an outage, and not again for each attempt to reconnect.
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
