import { byId, element, setText } from './element.js'
import { formatDuration, formatTime } from './format.js'

/** Whether what the page shows is so now, and since when it may not be. */
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
      const last = heardAt === undefined ? 'nothing heard yet' : `last heard at ${formatTime(heardAt)}`
      const wait = element('span')
      const count = () => setText(wait, `Trying again in ${formatDuration(again - Date.now() + 999)}.`)
      count()
      countdown = setInterval(count, 1000)
      const said = `Connection lost, ${last}.`
      // Said once for an outage, however often it is tried again.
      if (document.body.dataset['connection'] !== 'lost') {
        notice.replaceChildren(element('strong', { role: 'alert' }, said))
      } else notice.replaceChildren(element('strong', {}, said))
      notice.append(
        ' What you see may be old. ',
        element('span', { class: 'hint' }, `(${error.message}) `),
        wait,
      )
      notice.hidden = false
      show('lost', 'Connection lost')
    },
  }
}
