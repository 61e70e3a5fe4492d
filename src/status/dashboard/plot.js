import { element, setAttributes, setText, svgElement } from './element.js'

/** The size of the plot in its own units. The browser stretches it to the available space. */
const WIDTH = 240
const HEIGHT = 64
/** Milliseconds that a plot shows: two minutes, with a point for each second. */
const SPAN_MS = 119_000

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} style the CSS class of the line
 * @property {(number | undefined)[]} values one value for each time
 */

/** @typedef {{ at: number, kind: 'switch' | 'refusal' }} Mark a time that all plots mark with a vertical line */

/**
 * @typedef {object} Drawing
 * @property {number[]} times
 * @property {Series[]} series the area below the first series is filled
 * @property {Mark[]} marks
 * @property {number} [atLeast] the lowest top of the scale, so that a line of very small values stays flat
 * @property {string} now
 * @property {string} about the text that a screen reader reads instead of the picture
 * @property {string[]} facts
 * @property {(value: number) => string} format
 */

/** @param {string} title */
export function createPlot(title) {
  const picture = svgElement('svg', {
    role: 'img',
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    'aria-label': `${title}: no data yet`,
  })
  const now = element('output', { class: 'plot-now', 'aria-live': 'off' }, '–')
  const top = element('span', { class: 'plot-top', 'aria-hidden': 'true' })
  const facts = element('ul', { class: 'plot-facts' })
  const node = element(
    'figure',
    { class: 'plot' },
    element('figcaption', {}, element('span', { class: 'plot-title' }, title), now),
    element('div', { class: 'plot-area' }, picture, top),
    facts,
  )
  return {
    node,
    /** @param {Drawing} drawing */
    draw(drawing) {
      const highest = ceiling(Math.max(drawing.atLeast ?? 0, ...drawing.series.flatMap(knownValues)))
      setText(now, drawing.now)
      setText(top, drawing.format(highest))
      setAttributes(picture, { 'aria-label': `${title}: ${drawing.about}` })
      picture.replaceChildren(...shapes(drawing, highest))
      drawFacts(facts, drawing)
    },
  }
}

/** @param {Series} series */
function knownValues({ values }) {
  return values.filter((value) => value !== undefined)
}

/**
 * Returns a round number above the highest value: 1, 2, 3, 5, 7.5, 10 and so on. So the scale does not change with each point.
 *
 * @param {number} highest
 */
function ceiling(highest) {
  if (highest <= 0) return 1
  const magnitude = 10 ** Math.floor(Math.log10(highest))
  const step = [1, 2, 3, 5, 7.5, 10].find((candidate) => candidate * magnitude >= highest * 1.05) ?? 15
  return step * magnitude
}

/** @param {Drawing} drawing @param {number} highest */
function shapes({ times, series, marks }, highest) {
  const newest = times.at(-1) ?? 0
  /** @param {number} at */
  const x = (at) => Math.round((1 - (newest - at) / SPAN_MS) * WIDTH * 10) / 10
  /** @param {number} value */
  const y = (value) => Math.round((HEIGHT - 1 - (value / highest) * (HEIGHT - 3)) * 10) / 10
  const middle = svgElement('path', { class: 'plot-grid', d: `M0 ${y(highest / 2)}H${WIDTH}` })
  const lines = series.flatMap(({ style, values }, place) => {
    const runs = runsOf(times, values).map((run) => run.map(([at, value]) => `${x(at)} ${y(value)}`))
    const stroke = svgElement('path', { class: `plot-line ${style}`, d: runs.map(toLine).join('') })
    if (place > 0) return [stroke]
    return [svgElement('path', { class: `plot-fill ${style}`, d: runs.map(toArea).join('') }), stroke]
  })
  const crossings = marks
    .filter(({ at }) => at > newest - SPAN_MS && at <= newest + 1000)
    .map(({ at, kind }) => svgElement('path', { class: `plot-mark ${kind}`, d: `M${x(at)} 0V${HEIGHT}` }))
  return [middle, ...lines, ...crossings]
}

/**
 * Splits a series at seconds without a value. A second without requests has no latency, and the line must not fall to zero.
 *
 * @param {number[]} times
 * @param {(number | undefined)[]} values
 */
function runsOf(times, values) {
  /** @type {[number, number][][]} */
  const runs = [[]]
  for (const [place, at] of times.entries()) {
    const value = values[place]
    if (value === undefined) runs.push([])
    else runs.at(-1)?.push([at, value])
  }
  return runs.filter((run) => run.length > 0)
}

/** @param {string[]} run */
function toLine(run) {
  // A single point is a line without length. The short stroke and its round ends make it a dot.
  return `M${run.join('L')}${run.length === 1 ? 'h0.1' : ''}`
}

/** @param {string[]} run */
function toArea(run) {
  const [first = ''] = run
  const [from = ''] = first.split(' ')
  const [to = ''] = (run.at(-1) ?? '').split(' ')
  return `M${from} ${HEIGHT}L${run.join('L')}L${to} ${HEIGHT}Z`
}

/** @param {HTMLElement} list @param {Drawing} drawing */
function drawFacts(list, { series, facts }) {
  const wanted = series.length > 1 ? series.map(({ style }) => style) : []
  while (list.children.length > facts.length) list.lastElementChild?.remove()
  for (const [place, fact] of facts.entries()) {
    const item = list.children[place] ?? list.appendChild(element('li'))
    setText(item, fact)
    setAttributes(item, { 'data-series': wanted[place] })
  }
}
