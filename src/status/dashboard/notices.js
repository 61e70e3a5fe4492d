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
 * Creates the banners of the page. Each provider whose newest configuration was refused has a banner.
 *
 * @param {HTMLElement} place the element to draw the banners in
 * @param {(key: string) => void} onShow called when the user wants to see a refused configuration in the timeline
 */
export function createNotices(place, onShow) {
  /**
   * The data of the banners on the page, as JSON text. If the text is the same again, the banners are not replaced, because that
   * would lose the focus.
   */
  let shown = ''
  return {
    /** Draws the banners again if they have changed. @param {Entry[]} entries @param {Config | undefined} config */
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
 * Completes the data of a refused configuration with the version that its provider still serves. If the configuration history no
 * longer has this version, the state of the provider has it.
 *
 * @param {Standing} standing
 * @param {Config | undefined} config
 */
function withServing(standing, config) {
  const state = config?.providers.find(({ provider }) => provider === standing.refusal.provider)
  const serving = standing.serving ?? state?.version
  return { ...standing, serving, live: state?.liveSince !== undefined || serving !== undefined }
}

/**
 * Draws the banner of one refused configuration.
 *
 * @param {{ refusal: Refusal, serving?: string | undefined, live: boolean }} standing
 * @param {(key: string) => void} onShow
 */
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

/**
 * Returns the label of the button that shows a refused configuration in the timeline.
 *
 * @param {number} count the number of problems
 */
function moreText(count) {
  return count > ISSUES_SHOWN ? `Show all ${formatMany(count, 'issue')}` : 'Show in the timeline'
}

/** Returns a text that names a refused configuration and its provider. @param {Refusal} refusal */
export function refusedText({ version, provider }) {
  return version === undefined
    ? `Refused: a document of provider ${provider}`
    : `Refused: version ${version} of provider ${provider}`
}

/**
 * Returns a text that says which configuration of a provider still serves requests.
 *
 * @param {string | undefined} serving the version of that configuration
 * @param {boolean} live false if the provider has no live configuration
 */
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
