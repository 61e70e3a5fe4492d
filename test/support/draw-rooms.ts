import { writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ROOMS, reachableFrom, readImports, roomOf, sourceFiles } from './import-graph.js'

/** Where the picture stands that docs/architecture.md shows. */
export const PICTURE = fileURLToPath(new URL('../../docs/architecture.svg', import.meta.url))

const BOX = { width: 320, height: 50, gapX: 24, gapY: 44, margin: 16 }

/** For each room, the rooms that it imports from. */
function neighbours(): Map<string, Set<string>> {
  const tied = new Map<string, Set<string>>(ROOMS.map(({ name }) => [name, new Set()]))
  for (const { from, target } of readImports()) {
    if (!sourceFiles.includes(target)) continue
    if (roomOf(from) !== roomOf(target)) tied.get(roomOf(from))?.add(roomOf(target))
  }
  return tied
}

/** Without the arrows that a longer way already says: the picture shows a ladder instead of a net. */
function withoutShortcuts(tied: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const kept = new Map<string, Set<string>>()
  for (const [room, targets] of tied) {
    const direct = [...targets].filter(
      (target) => ![...targets].some((other) => other !== target && reachableFrom(other, tied).has(target)),
    )
    kept.set(room, new Set(direct))
  }
  return kept
}

/** The row of each room: one above the highest room that it imports from. */
function rowsOf(tied: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const rows: string[][] = []
  const rowOf = new Map<string, number>()
  for (const { name } of ROOMS) {
    const row = Math.max(-1, ...[...(tied.get(name) ?? [])].map((target) => rowOf.get(target) ?? 0)) + 1
    rowOf.set(name, row)
    rows[row] = [...(rows[row] ?? []), name]
  }
  return rows
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** The rooms of `src/` and who imports from whom, as SVG. Equal sources give equal text. */
export function drawRooms(): string {
  const tied = neighbours()
  const rows = rowsOf(tied)
  const widest = Math.max(...rows.map((row) => row.length))
  const width = BOX.margin * 2 + widest * BOX.width + (widest - 1) * BOX.gapX
  const height = BOX.margin * 2 + rows.length * BOX.height + (rows.length - 1) * BOX.gapY
  const places = new Map<string, { x: number; y: number }>()
  rows.forEach((row, index) => {
    const taken = row.length * BOX.width + (row.length - 1) * BOX.gapX
    row.forEach((name, column) => {
      const x = (width - taken) / 2 + column * (BOX.width + BOX.gapX)
      places.set(name, { x, y: height - BOX.margin - BOX.height - index * (BOX.height + BOX.gapY) })
    })
  })
  const arrows = [...withoutShortcuts(tied)].flatMap(([from, targets]) =>
    [...targets].map((target) => arrow(places.get(from), places.get(target))),
  )
  const boxes = ROOMS.map(({ name, lives }) => box(name, lives, places.get(name)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif">`,
    '<title>The rooms of src/: an arrow leads from a room to one that it imports from</title>',
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">' +
      '<path d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...arrows,
    ...boxes,
    '</svg>',
    '',
  ].join('\n')
}

function arrow(from?: { x: number; y: number }, to?: { x: number; y: number }): string {
  if (!from || !to) return ''
  const [x1, y1] = [Math.round(from.x + BOX.width / 2), Math.round(from.y + BOX.height)]
  const [x2, y2] = [Math.round(to.x + BOX.width / 2), Math.round(to.y)]
  const bend = Math.round((y2 - y1) / 2)
  return `<path d="M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}" fill="none" stroke="#57606a" marker-end="url(#tip)"/>`
}

function box(name: string, lives: string, at?: { x: number; y: number }): string {
  if (!at) return ''
  const [x, y] = [Math.round(at.x), Math.round(at.y)]
  return (
    `<g><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="#f6f8fa" stroke="#57606a"/>` +
    `<text x="${x + 10}" y="${y + 20}" font-size="14" font-weight="bold" fill="#1f2328">${escaped(name)}</text>` +
    `<text x="${x + 10}" y="${y + 38}" font-size="10.5" fill="#1f2328">${escaped(lives)}</text></g>`
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(PICTURE, drawRooms())
