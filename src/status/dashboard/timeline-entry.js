import { age } from './clock.js'
import { drawDiff } from './diff.js'
import { element } from './element.js'
import { formatCount, formatMany, formatMs, formatTime } from './format.js'
import { countsOf } from './history.js'
import { drawIssues } from './issues.js'

/** @import { Entry, Refusal, Switch } from './api-types.js' */

/** @param {Entry} entry */
export function createEntry(entry) {
  const refused = entry.type === 'refusal'
  const details = element(
    'details',
    {},
    element(
      'summary',
      {},
      element('span', { class: 'entry-mark', 'aria-hidden': 'true' }, refused ? '✕' : '✓'),
      element(
        'span',
        { class: 'entry-main' },
        element('span', { class: 'entry-title' }, ...titleOf(entry)),
        element('span', { class: 'entry-about' }, ...aboutOf(entry)),
      ),
      element(
        'span',
        { class: 'entry-when' },
        element('span', {}, formatTime(entry.at)),
        age(entry.at, ' ago'),
      ),
    ),
  )
  // Create the details when the user opens them. They may have hundreds of names, and most are never opened.
  details.addEventListener(
    'toggle',
    () => details.append(element('div', { class: 'entry-body' }, ...bodyOf(entry))),
    { once: true },
  )
  return element('li', { class: 'entry', 'data-type': entry.type }, details)
}

/** @param {Entry} entry */
function titleOf(entry) {
  const version = element('code', { class: 'version' }, entry.version ?? 'no version')
  return entry.type === 'refusal'
    ? ['Refused ', version]
    : [`Generation ${formatCount(entry.generation)} `, version]
}

/** @param {Entry} entry */
function aboutOf(entry) {
  const by = element('span', {}, entry.provider)
  if (entry.type === 'refusal') {
    const { issueCount, message } = entry.error
    return [by, element('span', { class: 'bad' }, issueCount > 0 ? formatMany(issueCount, 'issue') : message)]
  }
  const parts = [by, drawCounts(entry), element('span', {}, `in ${formatMs(totalMs(entry))}`)]
  if (entry.warnings.length > 0) {
    parts.push(element('span', { class: 'warn' }, formatMany(entry.warnings.length, 'warning')))
  }
  if (!entry.verified) parts.push(element('span', { class: 'warn' }, 'not verified'))
  return parts
}

/** @param {Switch} entry */
function drawCounts(entry) {
  const counts = countsOf(entry).filter(({ count }) => count > 0)
  if (counts.length === 0) return element('span', {}, 'same content')
  return element(
    'span',
    { class: 'counts' },
    ...counts.map(({ mark, word, count }) =>
      element(
        'span',
        { class: `count ${word}` },
        element('span', { 'aria-hidden': 'true' }, mark),
        formatCount(count),
        element('span', { class: 'unseen' }, ` ${word}, `),
      ),
    ),
  )
}

/** @param {Switch} entry */
function totalMs({ steps }) {
  return Object.values(steps).reduce((sum, ms) => sum + ms, 0)
}

/** @param {Entry} entry */
function bodyOf(entry) {
  return entry.type === 'refusal' ? refusalBody(entry) : switchBody(entry)
}

/** @param {Refusal} entry */
function refusalBody({ error }) {
  const { code, message, issues, issueCount } = error
  // The message repeats all issues in one long line. It is shown only if there are no issues.
  /** @type {Node[]} */
  const body = [drawIssues(issues.length > 0 ? issues : [{ path: '', code, message }])]
  if (issueCount > issues.length) {
    body.push(element('p', { class: 'hint' }, `and ${formatMany(issueCount - issues.length, 'more issue')}`))
  }
  return body
}

/** @param {Switch} entry */
function switchBody(entry) {
  const { changes, warnings, verified } = entry
  /** @type {Node[]} */
  const body = [drawDiff(changes), drawSteps(entry)]
  if (!verified) {
    body.push(
      element('p', { class: 'warn' }, '▲ The source did not confirm that this is the requested version.'),
    )
  }
  if (warnings.length > 0) {
    body.push(element('h3', {}, `${formatMany(warnings.length, 'warning')}: fields that were ignored`))
    body.push(drawIssues(warnings))
  }
  return body
}

/** @param {Switch} entry */
function drawSteps(entry) {
  const steps = Object.entries(entry.steps)
  const bar = element('div', { class: 'steps-bar', 'aria-hidden': 'true' })
  for (const [, ms] of steps) {
    const part = element('span')
    // Scale the values to shares of 100. If growth factors add up to less than 1, CSS leaves a part of the bar empty.
    part.style.flexGrow = String((100 * ms) / (totalMs(entry) || 1))
    bar.append(part)
  }
  return element(
    'div',
    { class: 'steps' },
    element('h3', {}, `Steps, ${formatMs(totalMs(entry))} in all`),
    bar,
    element(
      'dl',
      {},
      ...steps.map(([name, ms]) =>
        element('div', {}, element('dt', {}, name), element('dd', {}, formatMs(ms))),
      ),
    ),
  )
}
