import { asError } from '../model/errors.js'

/** A place in a text, as editors count: lines and columns begin at 1. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

/** Returns the place where a text stops being JSON. Not every version of Node names it in the error of `JSON.parse`. */
export function jsonFlaw(text: string): TextPosition {
  // A text cut before the flaw only lacks its end, and a text cut
  // behind the flaw fails in another way. So halving finds the flaw.
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
