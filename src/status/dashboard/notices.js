import { age } from './clock.js'
import { element } from './element.js'
import { formatMany } from './format.js'
import { keyOf, standingRefusals } from './history.js'
import { drawIssues } from './issues.js'

/**
 * @import { Config, Entry, Refusal } from './api-types.js'
 * @import { Standing } from './history.js'
 */

const ISSUES_SHOWN = 3

/**
 * Creates the banners. Each provider whose newest document was refused has one.
 *
 * @param {HTMLElement} place
 * @param {(key: string) => void} onShow called when the user asks for the whole entry
 */
export function createNotices(place, onShow) {
  /** The banners that are shown, as JSON. Equal banners are not replaced, because that would lose the focus. */
  let shown = ''
  return {
    /** @param {Entry[]} entries @param {Config | undefined} config */
    draw(entries, config) {
      const standing = standingRefusals(entries).map((one) => withServing(one, config))
      const wanted = JSON.stringify(
        standing.map(({ refusal, times, serving }) => [refusal.id, times, serving]),
      )
      if (wanted === shown) return
      shown = wanted
      place.replaceChildren(...standing.map((one) => drawNotice(one, onShow)))
    },
  }
}

/**
 * Adds the version that the provider serves. Its switch may be too old for the history, so the state of the provider counts
 * too.
 *
 * @param {Standing} standing
 * @param {Config | undefined} config
 */
function withServing(standing, config) {
  const state = config?.providers.find(({ provider }) => provider === standing.refusal.provider)
  const serving = standing.serving ?? state?.version
  return { ...standing, serving, live: state?.liveSince !== undefined || serving !== undefined }
}

/** @param {{ refusal: Refusal, serving?: string | undefined, live: boolean }} standing @param {(key: string) => void} onShow */
function drawNotice({ refusal, serving, live }, onShow) {
  const { issues, issueCount, message } = refusal.error
  const more = element('button', { type: 'button', class: 'quiet' }, moreText(issueCount))
  more.addEventListener('click', () => onShow(keyOf(refusal)))
  return element(
    'div',
    { class: 'notice bad' },
    element('h2', {}, element('span', { 'aria-hidden': 'true' }, '✕ '), refusedText(refusal)),
    element('p', {}, servingText(serving, live), ' Refused ', age(refusal.at, ' ago'), '.'),
    issues.length > 0 ? drawIssues(issues.slice(0, ISSUES_SHOWN)) : element('p', { class: 'quote' }, message),
    more,
  )
}

/** @param {number} count */
function moreText(count) {
  return count > ISSUES_SHOWN ? `Show all ${formatMany(count, 'issue')}` : 'Show in the timeline'
}

/** @param {Refusal} refusal */
export function refusedText({ version, provider }) {
  return version === undefined
    ? `Refused: a document of provider ${provider}`
    : `Refused: version ${version} of provider ${provider}`
}

/** @param {string | undefined} serving @param {boolean} live */
function servingText(serving, live) {
  if (!live) return 'No configuration of this provider serves requests yet.'
  return element(
    'strong',
    {},
    serving === undefined
      ? 'The previous configuration still serves requests.'
      : `Version ${serving} still serves requests.`,
  )
}
