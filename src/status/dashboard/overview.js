import { age } from './clock.js'
import { byId, element, setText } from './element.js'
import { formatCount, formatMany } from './format.js'
import { standingRefusals } from './history.js'

/**
 * @import { Config, Entry, ProviderState } from './api-types.js'
 * @import { Standing } from './history.js'
 */

/** The sign and the word for each state of a provider. The sign shows the state without colour. */
const STATES = {
  live: { mark: '●', word: 'Live' },
  pending: { mark: '○', word: 'Waiting' },
  unavailable: { mark: '▲', word: 'Unavailable' },
}

/**
 * Creates the overview of the proxy: the generation, and each provider with its version, the age of the version and refused
 * configurations.
 */
export function createOverview() {
  const generation = byId('generation', HTMLElement)
  const size = byId('size', HTMLElement)
  const running = byId('running', HTMLElement)
  const providers = byId('providers', HTMLElement)
  return {
    /** Draws the overview, and sets the title of the page. @param {Config} config @param {Entry[]} entries */
    draw(config, entries) {
      const standing = new Map(standingRefusals(entries).map((one) => [one.refusal.provider, one]))
      setText(generation, config.generation === 0 ? '–' : formatCount(config.generation))
      setText(size, `${formatMany(config.frontends, 'frontend')} · ${formatMany(config.backends, 'backend')}`)
      running.replaceChildren(...runningText(config))
      providers.replaceChildren(
        ...config.providers.map((state) => drawProvider(state, standing.get(state.provider))),
      )
      const [only] = config.providers
      document.title = `${titleOf(config, standing.size, only)} – Switchover`
    },
  }
}

/**
 * Returns a text with the time since the start, or with the step of the shutdown.
 *
 * @param {Config} config
 * @returns {(string | HTMLElement)[]}
 */
function runningText({ startedAt, shutdown }) {
  if (!shutdown) return ['running for ', age(startedAt)]
  return [`shutting down (${shutdown.step}), ${formatMany(shutdown.inFlight, 'request')} under way`]
}

/**
 * Returns the title of the page. The title has the version only if there is exactly one provider.
 *
 * @param {Config} config
 * @param {number} refused the number of providers whose newest configuration was refused
 * @param {ProviderState | undefined} only the first provider
 */
function titleOf({ generation, providers }, refused, only) {
  const warning = refused > 0 ? 'Refused! ' : ''
  const version = providers.length === 1 && only?.version ? ` ${only.version}` : ''
  return `${warning}Generation ${generation}${version}`
}

/**
 * Draws one provider with its state.
 *
 * @param {ProviderState} state
 * @param {Standing | undefined} standing the newest configuration of the provider, if it was refused
 */
function drawProvider(state, standing) {
  const { mark, word } = STATES[state.state]
  return element(
    'li',
    { class: 'provider', 'data-state': state.state },
    element(
      'p',
      { class: 'provider-head' },
      element(
        'span',
        { class: 'state', 'data-state': state.state },
        element('span', { 'aria-hidden': 'true' }, mark),
        ` ${word}${state.state === 'unavailable' && state.liveSince ? ', still serving' : ''}`,
      ),
      element('span', { class: 'provider-name' }, state.provider),
    ),
    element('p', { class: 'provider-version' }, state.version ?? versionless(state)),
    element('ul', { class: 'facts' }, ...factsOf(state, standing)),
  )
}

/** Returns the text to show for a provider without a version. @param {ProviderState} state */
function versionless({ state, liveSince }) {
  return state === 'pending' || liveSince === undefined ? 'nothing delivered yet' : 'no version given'
}

/**
 * Draws the facts about a provider, such as its last error, as list items.
 *
 * @param {ProviderState} state
 * @param {Standing | undefined} standing the newest configuration of the provider, if it was refused
 */
function factsOf(state, standing) {
  const facts = []
  if (state.liveSince !== undefined) facts.push(element('li', {}, 'live for ', age(state.liveSince)))
  facts.push(refusalFact(standing))
  if (state.staleSince !== undefined) {
    facts.push(
      element(
        'li',
        { class: 'warn' },
        '▲ from the last good configuration, ',
        age(state.staleSince),
        ' without its source',
      ),
    )
  }
  if (state.lastError && needsOwnLine(state.lastError, state, standing)) {
    const { at, message } = state.lastError
    facts.push(element('li', { class: 'warn' }, '▲ ', age(at, ' ago'), `: ${message}`))
  }
  return facts
}

/**
 * Tells whether the overview shows the last error of a provider. An error that is over is not shown. A refused configuration is
 * not shown either, because it has its own banner.
 *
 * @param {{ message: string }} error
 * @param {ProviderState} state
 * @param {Standing | undefined} standing the newest configuration of the provider, if it was refused
 */
function needsOwnLine(error, { state }, standing) {
  return state !== 'live' && error.message !== standing?.refusal.error.message
}

/**
 * Draws a list item that says which configuration of a provider was refused, and how long ago.
 *
 * @param {Standing | undefined} standing the newest configuration of the provider, if it was refused
 */
function refusalFact(standing) {
  if (!standing) return element('li', {}, 'nothing refused')
  const { refusal, times } = standing
  return element(
    'li',
    { class: 'bad' },
    `✕ refused ${refusal.version ?? 'a document'}${times > 1 ? ` and ${times - 1} before it` : ''}, `,
    age(refusal.at, ' ago'),
  )
}
