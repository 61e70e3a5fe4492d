/** Returns an error whose `line` and `column` are those of the position `at` in a text. */
export function flawAt(message, text, at) {
  return Object.assign(new Error(message), lineAndColumn(text, at))
}

/** Returns the line and column of a position as editors count them, from 1. */
export function lineAndColumn(text, at) {
  let [line, start] = [1, 0]
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', start)) {
    line += 1
    start = end + 1
  }
  return { line, column: at - start + 1 }
}
