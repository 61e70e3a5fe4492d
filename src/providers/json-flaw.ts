import { asError } from '../model/errors.js'

/** Where something stands in a text, both from 1. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

/** Where a text stops being JSON: not all versions of Node say so. */
export function jsonFlaw(text: string): TextPosition {
  // Up to there, whatever is cut off only lacks its end.
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (lacksOnlyItsEnd(text.slice(0, middle))) good = middle
    else bad = middle
  }
  const before = text.slice(0, good).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

function lacksOnlyItsEnd(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (thrown) {
    const { message } = asError(thrown)
    const [, position] = /at position (\d+)/.exec(message) ?? []
    return /end of JSON|Unterminated/.test(message) || Number(position) === text.length
  }
}
