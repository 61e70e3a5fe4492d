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
 * The banners: one for each provider whose newest document was refused.
 *
 * @param {HTMLElement} place
 * @param {(key: string) => void} onShow an operator wants the whole entry
 */
export function createNotices(place, onShow) {
  /** What is shown, so that a banner with the focus in it is not replaced by its like. */
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

/** History is short; what a provider serves may have been switched to long before it. @param {Standing} standing @param {Config | undefined} config */
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
  if (!live) return 'Nothing of this provider serves yet.'
  return element(
    'strong',
    {},
    serving === undefined ? 'What served before goes on serving.' : `Version ${serving} goes on serving.`,
  )
}
