import { element, setAttributes, setText, svgElement } from './element.js'

/** The width and height of a plot in SVG units. The browser stretches the plot to the available space. */
const WIDTH = 240
const HEIGHT = 64
/** Milliseconds from the left to the right edge of a plot. A plot shows 120 points, one for each second. */
const SPAN_MS = 119_000

/**
 * One line of a plot.
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {string} style the CSS class of the line
 * @property {(number | undefined)[]} values one value for each time, undefined at a gap
 */

/** A time that all plots mark with a vertical line. @typedef {{ at: number, kind: 'switch' | 'refusal' }} Mark */

/**
 * The data that a plot is drawn from.
 *
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

/** Creates a plot without data. Its method `draw` fills the plot. @param {string} title */
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
    /** Draws the plot with new data. @param {Drawing} drawing */
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

/** Returns the values of a series without its gaps. @param {Series} series */
function knownValues({ values }) {
  return values.filter((value) => value !== undefined)
}

/**
 * Returns the top of the scale of a plot: a round number above the highest value, such as 1, 2, 3, 5, 7.5 or 10. So the scale
 * does not change with each new point.
 *
 * @param {number} highest the highest value
 */
function ceiling(highest) {
  if (highest <= 0) return 1
  const magnitude = 10 ** Math.floor(Math.log10(highest))
  const step = [1, 2, 3, 5, 7.5, 10].find((candidate) => candidate * magnitude >= highest * 1.05) ?? 15
  return step * magnitude
}

/**
 * Returns the SVG elements of a plot: a grid line, the lines of the series, and the marks.
 *
 * @param {Drawing} drawing
 * @param {number} highest the value at the top of the scale
 */
function shapes({ times, series, marks }, highest) {
  const newest = times.at(-1) ?? 0
  /** Returns the horizontal position of a time in the plot. @param {number} at milliseconds since the epoch */
  const x = (at) => Math.round((1 - (newest - at) / SPAN_MS) * WIDTH * 10) / 10
  /** Returns the vertical position of a value in the plot. @param {number} value */
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
 * Splits a series into parts without gaps. A second without requests has no latency, and the line of the plot must not fall to
 * zero at this second.
 *
 * @param {number[]} times
 * @param {(number | undefined)[]} values
 */
function runsOf(times, values) {
  /** The parts of a series between its gaps. Each point is a time and a value. @type {[number, number][][]} */
  const runs = [[]]
  for (const [place, at] of times.entries()) {
    const value = values[place]
    if (value === undefined) runs.push([])
    else runs.at(-1)?.push([at, value])
  }
  return runs.filter((run) => run.length > 0)
}

/** Returns the SVG path of a line through these points. @param {string[]} run the points, each as the text `x y` */
function toLine(run) {
  // If there is only one point, draw a very short line. The round ends of the line make it a dot.
  return `M${run.join('L')}${run.length === 1 ? 'h0.1' : ''}`
}

/**
 * Returns the SVG path of the area below a line through these points.
 *
 * @param {string[]} run the points, each as the text `x y`
 */
function toArea(run) {
  const [first = ''] = run
  const [from = ''] = first.split(' ')
  const [to = ''] = (run.at(-1) ?? '').split(' ')
  return `M${from} ${HEIGHT}L${run.join('L')}L${to} ${HEIGHT}Z`
}

/**
 * Writes the facts below a plot. If the plot has several series, each fact gets the style of its series.
 *
 * @param {HTMLElement} list
 * @param {Drawing} drawing
 */
function drawFacts(list, { series, facts }) {
  const wanted = series.length > 1 ? series.map(({ style }) => style) : []
  while (list.children.length > facts.length) list.lastElementChild?.remove()
  for (const [place, fact] of facts.entries()) {
    const item = list.children[place] ?? list.appendChild(element('li'))
    setText(item, fact)
    setAttributes(item, { 'data-series': wanted[place] })
  }
}
