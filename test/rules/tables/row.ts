import type { RuleSpec } from '../../../src/model/config.js'

/** One line of a table: for this rule, and this request, this answer. Several rules are the routes of one frontend. */
export type Row = readonly [rule: string | RuleSpec | readonly string[], asked: Asked, answer: Answer]

/** A URL alone is a GET without headers, from 192.0.2.1. Without a host, it begins with `/`, and goes to books.test. */
export type Asked =
  | string
  | {
      readonly method?: string
      readonly url?: string
      readonly headers?: Readonly<Record<string, string | string[]>>
      readonly from?: string
    }

/**
 * `yes`: it goes to a server as it came. A path: it goes there with that path, and with these lines of `X-Forwarded-Prefix`
 * and `X-Replaced-Path`. A location: it is sent there. Refused: the rule is, by a message with this piece.
 */
export type Answer =
  | 'yes'
  | 'no'
  | { readonly path: string; readonly prefix?: readonly string[]; readonly replaced?: readonly string[] }
  | { readonly location: string }
  | { readonly refused: string }

export const refused = (piece: string): Answer => ({ refused: piece })
export const location = (to: string): Answer => ({ location: to })
/** What a strip leaves, and what it cut. */
export const cut = (path: string, ...prefix: string[]): Answer => ({ path, prefix })
/** What a replacement makes, and of what. */
export const replaced = (path: string, ...before: string[]): Answer => ({ path, replaced: before })
