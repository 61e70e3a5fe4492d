import { element } from './element.js'
import { formatCount, formatMany, formatShare } from './format.js'

/** @import { Explanation, Winner } from './api-types.js' */

/** Returns one sentence that says which frontend would serve the request, if any. @param {Explanation} explanation */
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

/** Returns the end of a sentence, which says what the matching frontend does with the request. @param {Winner} winner */
function outcomeOf({ backend, answer }) {
  if (answer?.location !== undefined) return `and redirects (${answer.status}) to ${answer.location}.`
  if (answer?.status === 403) return 'and refuses this client (403).'
  if (answer) return `and answers itself (${answer.status}).`
  return `and sends it to backend ${backend}.`
}

/** Draws why one frontend serves a request, and why the other frontends do not. @param {Explanation} explanation */
export function drawAnswer(explanation) {
  const { winner, servers, outranked, outrankedCount, refused, refusedCount, entryPoint, text } = explanation
  /** The HTML elements of the explanation, from top to bottom. @type {Node[]} */
  const parts = []
  if (entryPoint) parts.push(drawEntryPoint(entryPoint.steps))
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

/** Draws what the middlewares of the entry point say. @param {Winner['chain']} steps */
function drawEntryPoint(steps) {
  const facts = steps.map(({ middleware, verdict }) => fact(`Entry point: ${middleware}`, verdict))
  return element('dl', { class: 'winner' }, ...facts)
}

/** Draws the facts about the frontend that serves the request, such as its rule. @param {Winner} winner */
function drawWinner({ rule, priority, path, chain }) {
  const facts = [fact('Rule', element('code', {}, rule)), fact('Priority', formatCount(priority))]
  if (path !== undefined) facts.push(fact('Path sent', element('code', {}, path)))
  for (const { middleware, verdict } of chain) facts.push(fact(middleware, verdict))
  return element('dl', { class: 'winner' }, ...facts)
}

/** Creates a term with its description, for a `<dl>` element. @param {string} name @param {Node | string} value */
function fact(name, value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value))
}

/** Draws the servers of the backend, each with its share of the total weight. @param {Explanation['servers']} servers */
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
 * Draws a list of frontends that do not serve the request. The user can collapse the list.
 *
 * @param {string} title
 * @param {string[][]} losers for each frontend: its name, its rule and the reason
 * @param {number} count the number of all these frontends. `losers` may have fewer.
 * @param {boolean} open true if the list is not collapsed at first
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
