import { element } from './element.js'
import { formatCount, formatMany, formatShare } from './format.js'

/** @import { Explanation, Winner } from './api-types.js' */

/** Returns the answer as one sentence. @param {Explanation} explanation */
export function verdictOf({ winner, refusedCount }) {
  if (!winner) {
    return [
      element('span', { 'aria-hidden': 'true' }, '✕ '),
      refusedCount === 0
        ? 'No frontend matches: there are none.'
        : 'No frontend matches: every rule refuses this request.',
    ]
  }
  return [
    element('span', { 'aria-hidden': 'true' }, '✓ '),
    element('strong', {}, winner.frontend),
    ` wins ${outcomeOf(winner)}`,
  ]
}

/** @param {Winner} winner */
function outcomeOf({ backend, answer }) {
  if (answer?.status === 301) return `and redirects (301) to ${answer.location}.`
  if (answer?.status === 403) return 'and refuses this client (403).'
  return `and sends it to backend ${backend}.`
}

/** @param {Explanation} explanation */
export function drawAnswer(explanation) {
  const { winner, servers, outranked, outrankedCount, refused, refusedCount, text } = explanation
  /** @type {Node[]} */
  const parts = []
  if (winner) parts.push(drawWinner(winner))
  if (servers.length > 0) parts.push(drawServers(servers))
  if (outrankedCount > 0) {
    parts.push(
      drawLosers(
        `${formatMany(outrankedCount, 'other')} would match, but ${outrankedCount === 1 ? 'comes' : 'come'} later`,
        outranked.map(({ frontend, rule, priority }) => [
          frontend,
          rule,
          `priority ${formatCount(priority)}`,
        ]),
        outrankedCount,
        true,
      ),
    )
  }
  if (refusedCount > 0) {
    parts.push(
      drawLosers(
        `${formatMany(refusedCount, 'rule')} refused it`,
        refused.map(({ frontend, rule, by, unknown }) => [
          frontend,
          rule,
          unknown === undefined ? `refused by ${by}` : `unknown: ${by}, for ${unknown}`,
        ]),
        refusedCount,
        !winner,
      ),
    )
  }
  parts.push(
    element('details', {}, element('summary', {}, 'As text, to copy'), element('pre', { tabindex: 0 }, text)),
  )
  return parts
}

/** @param {Winner} winner */
function drawWinner({ rule, priority, path }) {
  const facts = [fact('Rule', element('code', {}, rule)), fact('Priority', formatCount(priority))]
  if (path !== undefined) facts.push(fact('Path sent', element('code', {}, path)))
  return element('dl', { class: 'winner' }, ...facts)
}

/** @param {string} name @param {Node | string} value */
function fact(name, value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value))
}

/** @param {Explanation['servers']} servers */
function drawServers(servers) {
  const whole = servers.reduce((sum, { weight }) => sum + weight, 0)
  return element(
    'ul',
    { class: 'explain-servers', 'aria-label': 'Servers of the backend' },
    ...servers.map(({ name, url, weight }) =>
      element(
        'li',
        {},
        element('span', { class: 'server-name' }, name),
        element('span', { class: 'server-url' }, url),
        element('span', { class: 'hint' }, whole > 0 ? formatShare(weight / whole) : 'weight 0'),
      ),
    ),
  )
}

/**
 * @param {string} title
 * @param {string[][]} losers frontend, rule, reason
 * @param {number} count
 * @param {boolean} open
 */
function drawLosers(title, losers, count, open) {
  const list = element(
    'ul',
    { class: 'losers' },
    ...losers.map(([frontend = '', rule = '', reason = '']) =>
      element(
        'li',
        {},
        element('span', { class: 'loser-name' }, frontend),
        element('span', { class: 'loser-reason' }, reason),
        element('code', { class: 'loser-rule' }, rule),
      ),
    ),
  )
  if (count > losers.length) {
    list.append(element('li', { class: 'hint' }, `and ${formatCount(count - losers.length)} more`))
  }
  const scroll = element(
    'div',
    { class: 'losers-scroll', tabindex: 0, role: 'region', 'aria-label': title },
    list,
  )
  return element('details', { open }, element('summary', {}, title), scroll)
}
