import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import { quote } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'

/**
 * A regular expression of a rule, in the syntax of RE2, which Go and therefore Traefik use. A match takes linear time. With
 * JavaScript's own engine, a hostile client could send a path that stalls the proxy (docs/decisions/0010).
 */
export interface Regexp {
  /** Returns whether any part of the text matches. To match only the whole text, an expression needs `^` and `$`. */
  test(text: string): boolean
  /** Returns the position at which the first match ends, or -1 if there is no match. */
  endIn(text: string): number
  /**
   * Replaces every match, as Go's `ReplaceAllString` does. In the replacement, `$1`, `${1}` and `${name}` are groups, and `$$` is
   * `$`.
   */
  replaceIn(text: string, replacement: string): string
}

/**
 * The engine of regular expressions. It is loaded when the first expression is compiled, because loading takes 9 ms and most
 * configurations have no expression.
 */
let engine: typeof RE2JS | undefined

/** The most characters of a regular expression. Compiling an expression of 2,000 characters takes up to 50 ms. */
const MAX_LENGTH = 2_000
/**
 * The most instructions of a compiled expression. The time of a match grows with this number. With 1,000 instructions, a match
 * against a hostile path of 16 KiB takes at worst 0.12 s.
 */
const MAX_SIZE = 1_000
/**
 * A text with more characters than this is matched by an NFA, which has the better worst case. A shorter text is matched by a
 * DFA, which is faster on average.
 */
const LONG_TEXT = 1_024

/**
 * Compiles a regular expression of a rule.
 *
 * @throws Error that says what is wrong with the expression, and where
 */
export function compileRegexp(source: string, flags: { ignoreCase?: boolean } = {}): Regexp {
  if (source === '') throw new Error('an empty regular expression would match everything')
  if (source.length > MAX_LENGTH) {
    throw new Error(
      `${quote(source)} has ${source.length} characters; a regular expression has at most ${MAX_LENGTH}`,
    )
  }
  // Repetitions such as `{1000}` are limited before the compilation, because compiling a large expression takes long.
  const repeated = [...source.matchAll(/\{\d*,?(\d+)/g)].reduce((sum, [, most]) => sum + Number(most), 0)
  if (repeated > 2 * MAX_SIZE) {
    throw new Error(
      `${quote(source)} is too large: its repetitions add up to ${repeated}; expected at most ${2 * MAX_SIZE}`,
    )
  }
  const compiled = compile(source, flags.ignoreCase ?? false)
  if (compiled.programSize() > MAX_SIZE) {
    throw new Error(
      `${quote(source)} is too large: with its repetitions it has ${compiled.programSize()} steps; expected at most ${MAX_SIZE}`,
    )
  }
  return {
    test: (text) => (text.length > LONG_TEXT ? compiled.matcher(text).find() : compiled.test(text)),
    endIn(text) {
      const matcher = compiled.matcher(text)
      return matcher.find() ? matcher.end() : -1
    },
    replaceIn: (text, replacement) => replaceAll(compiled, text, replacement),
  }
}

function compile(source: string, ignoreCase: boolean): RE2JS {
  engine ??= (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS
  try {
    return engine.compile(source, ignoreCase ? engine.CASE_INSENSITIVE : 0)
  } catch (thrown) {
    // The message of re2js ends with the wrong piece of the expression. So only the start of the message is removed.
    const reason = (thrown as Error).message.replace(/^error parsing regexp: /, '')
    throw new Error(`${quote(source)} is not a regular expression: ${reason}`)
  }
}

function replaceAll(compiled: RE2JS, text: string, replacement: string): string {
  const matcher = compiled.matcher(text)
  let replaced = ''
  let last = 0
  let matches = 0
  while (matcher.find()) {
    matches += 1
    if (matches > MAX_MATCHES || replaced.length > MAX_REPLACED) {
      throw new ProxyError('PROXY_BAD_REQUEST', `the path has more than ${MAX_MATCHES} places to replace`)
    }
    // An empty match directly behind another match is skipped, as in Go.
    if (matcher.end() === last && matcher.start() === last && last > 0) continue
    replaced += text.slice(last, matcher.start())
    replaced += replacement.replace(GROUP, (_whole, braced: string | undefined, bare: string | undefined) => {
      const group = braced ?? bare
      return group === undefined ? '$' : (groupOf(matcher, group) ?? '')
    })
    last = matcher.end()
  }
  return replaced + text.slice(last)
}

/**
 * The most replacements in one path. Each search may read to the end of the path, so thousands of searches would stall the proxy.
 */
const MAX_MATCHES = 100
const MAX_REPLACED = 64 * 1024

const GROUP = /\$(?:\{(\w+)\}|(\w+)|\$)/g

function groupOf(matcher: ReturnType<RE2JS['matcher']>, group: string): string | null {
  try {
    return matcher.group(/^\d+$/.test(group) ? Number(group) : group)
  } catch {
    // If the replacement names a group that the expression does not have, the group counts as empty, as in Go.
    return null
  }
}

/** Escapes a text for a regular expression, so that the result matches exactly this text. */
export function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
