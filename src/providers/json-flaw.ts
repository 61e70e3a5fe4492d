import { asError } from '../model/errors.js'

/** A position in a text by line and column. Both begin at 1, as in editors. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

/**
 * Returns the position of the first syntax error in a JSON text. Some versions of Node do not name it in the errors of
 * `JSON.parse`.
 */
export function jsonFlaw(text: string): TextPosition {
  // Finds the syntax error by binary search. A beginning of the text that ends before the error is only incomplete. A beginning
  // that includes the error is invalid in another way.
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (lacksOnlyItsEnd(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return positionAt(text, good)
}

/** Returns the line and column of the character at an index. */
export function positionAt(text: string, index: number): TextPosition {
  const before = text.slice(0, index).split('\n')
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
