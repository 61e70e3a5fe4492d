import { element } from './element.js'
import { formatCount, formatMany } from './format.js'

/** @import { Diff, Names, Switch } from './api-types.js' */

/** The kinds of change to a configuration. The sign and the word identify each kind, so that colour is not needed. */
const KINDS = /** @type {const} */ ([
  { kind: 'added', mark: '+' },
  { kind: 'removed', mark: '−' },
  { kind: 'changed', mark: '~' },
])

/** Draws which frontends and backends a new configuration adds, removes and changes. @param {Switch['changes']} changes */
export function drawDiff({ frontends, backends }) {
  const parts = [...drawPart('Frontends', frontends), ...drawPart('Backends', backends)]
  if (parts.length === 0) {
    return element('p', { class: 'hint' }, 'The version is new, but its content is the same.')
  }
  return element('div', { class: 'diff' }, ...parts)
}

/** Draws the changes of all frontends, or of all backends, below a title. @param {string} title @param {Diff} diff */
function drawPart(title, diff) {
  const kinds = KINDS.filter(({ kind }) => diff[kind].count > 0)
  if (kinds.length === 0) return []
  return [
    element('h3', {}, title),
    ...kinds.map(({ kind, mark }) =>
      element(
        'div',
        { class: `diff-kind ${kind}` },
        element(
          'p',
          {},
          element('span', { class: 'diff-mark', 'aria-hidden': 'true' }, mark),
          ` ${formatCount(diff[kind].count)} ${kind}`,
        ),
        drawNames(diff[kind]),
      ),
    ),
  ]
}

/** Draws a list of names, and the number of names that the list leaves out. @param {Names} names */
function drawNames({ count, names }) {
  const list = element('ul', { class: 'names' }, ...names.map((name) => element('li', {}, name)))
  if (count > names.length) {
    list.append(element('li', { class: 'hint' }, `and ${formatMany(count - names.length, 'more', 'more')}`))
  }
  return list
}
