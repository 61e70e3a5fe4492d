import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import { quote } from '../base/messages.js'
import { ProxyError } from '../model/errors.js'

/**
 * Regular expressions of rules, in RE2's syntax, which is Go's and so Traefik's. They are matched in linear time: no path
 * of a client's can stall the proxy, as it could with those of JavaScript (docs/decisions/0010).
 */
export interface Regexp {
  /** Whether some part of the text matches; all of it only if the expression says so with `^` and `$`. */
  test(text: string): boolean
  /** Where the first match ends; -1 if there is none. */
  endIn(text: string): number
  /** Every match replaced, as Go's `ReplaceAllString` does: `$1`, `${1}` and `${name}` are groups, `$$` is `$`. */
  replaceIn(text: string, replacement: string): string
}

/** Loaded with the first expression of the process: most configurations have none, and it takes 9 ms. */
let engine: typeof RE2JS | undefined

/** What is longer costs too much to compile: 2,000 characters take up to 50 ms. */
const MAX_LENGTH = 2_000
/** Instructions. The time of a match grows with them: with so many, 16 KiB of hostile path take 0.12 s at worst. */
const MAX_SIZE = 1_000
/** Longer texts are matched by the engine that has the better worst case; shorter ones by the one that is mostly faster. */
const LONG_TEXT = 1_024

/** @throws Error that says what is wrong with it, and where */
export function compileRegexp(source: string, flags: { ignoreCase?: boolean } = {}): Regexp {
  if (source === '') throw new Error('an empty regular expression would hold for everything')
  if (source.length > MAX_LENGTH) {
    throw new Error(
      `${quote(source)} has ${source.length} characters; a regular expression has at most ${MAX_LENGTH}`,
    )
  }
  // Before it is compiled, for that is what takes the time.
  const repeated = [...source.matchAll(/\{\d*,?(\d+)/g)].reduce((sum, [, most]) => sum + Number(most), 0)
  if (repeated > 2 * MAX_SIZE) {
    throw new Error(
      `${quote(source)} is too large: its repetitions add up to ${repeated}; expected at most ${2 * MAX_SIZE}`,
    )
  }
  const compiled = compile(source, flags.ignoreCase ?? false)
  if (compiled.programSize() > MAX_SIZE) {
    throw new Error(
      `${quote(source)} is too large: its repetitions make ${compiled.programSize()} steps of it; expected at most ${MAX_SIZE}`,
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
    // Its message ends with the piece that it stumbled over.
    const reason = (thrown as Error).message.replace(/^error parsing regexp: /, '')
    throw new Error(`${quote(source)} is no regular expression: ${reason}`)
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
    // As in Go, an empty match right behind another one is none.
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

/** Each is looked for to the end of the text: with thousands of them, a hostile path would stall the proxy. */
const MAX_MATCHES = 100
const MAX_REPLACED = 64 * 1024

const GROUP = /\$(?:\{(\w+)\}|(\w+)|\$)/g

function groupOf(matcher: ReturnType<RE2JS['matcher']>, group: string): string | null {
  try {
    return matcher.group(/^\d+$/.test(group) ? Number(group) : group)
  } catch {
    // As in Go, a group that does not exist is empty.
    return null
  }
}

/** A text as an expression that matches it alone. */
export function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
