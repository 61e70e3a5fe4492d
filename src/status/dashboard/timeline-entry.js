import { age } from './clock.js'
import { drawDiff } from './diff.js'
import { element } from './element.js'
import { formatCount, formatMany, formatMs, formatTime } from './format.js'
import { countsOf } from './history.js'
import { drawIssues } from './issues.js'

/** @import { Entry, Refusal, Switch } from './api-types.js' */

/** Creates the list item of one entry of the timeline. The user can open the entry to see its details. @param {Entry} entry */
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
  // Create the details of the entry when the user opens it. Details may have hundreds of names, and most entries are never
  // opened.
  details.addEventListener(
    'toggle',
    () => details.append(element('div', { class: 'entry-body' }, ...bodyOf(entry))),
    { once: true },
  )
  return element('li', { class: 'entry', 'data-type': entry.type }, details)
}

/** Returns the title of a timeline entry: the new generation or the word "Refused", and the version. @param {Entry} entry */
function titleOf(entry) {
  const version = element('code', { class: 'version' }, entry.version ?? 'no version')
  return entry.type === 'refusal'
    ? ['Refused ', version]
    : [`Generation ${formatCount(entry.generation)} `, version]
}

/** Returns the short facts about a timeline entry, such as the provider and the number of problems. @param {Entry} entry */
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

/** Draws how many frontends and backends a new configuration has added, removed and changed. @param {Switch} entry */
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

/** Returns the total duration of all steps of a switch to a new configuration, in milliseconds. @param {Switch} entry */
function totalMs({ steps }) {
  return Object.values(steps).reduce((sum, ms) => sum + ms, 0)
}

/** Returns the details of a timeline entry, as HTML elements. @param {Entry} entry */
function bodyOf(entry) {
  return entry.type === 'refusal' ? refusalBody(entry) : switchBody(entry)
}

/** Returns the details of a refused configuration: the problems that were found in it. @param {Refusal} entry */
function refusalBody({ error }) {
  const { code, message, issues, issueCount } = error
  /**
   * The problems of the refused configuration, as HTML elements. The message is shown only if no problem is listed, because it
   * repeats all problems in one long line.
   *
   * @type {Node[]}
   */
  const body = [drawIssues(issues.length > 0 ? issues : [{ path: '', code, message }])]
  if (issueCount > issues.length) {
    body.push(element('p', { class: 'hint' }, `and ${formatMany(issueCount - issues.length, 'more issue')}`))
  }
  return body
}

/** Returns the details of a switch to a new configuration: the changes, the steps and the warnings. @param {Switch} entry */
function switchBody(entry) {
  const { changes, warnings, verified } = entry
  /** The elements of the details, from top to bottom. @type {Node[]} */
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

/** Draws how long each step of a switch to a new configuration took. @param {Switch} entry */
function drawSteps(entry) {
  const steps = Object.entries(entry.steps)
  const bar = element('div', { class: 'steps-bar', 'aria-hidden': 'true' })
  for (const [, ms] of steps) {
    const part = element('span')
    // Use percentages of the total time as growth factors. If the factors add up to less than 1, CSS leaves a part of the bar
    // empty.
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
