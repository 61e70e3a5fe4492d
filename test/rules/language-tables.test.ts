import { describe, expect, it } from 'vitest'
import { hostOf } from '../../src/base/normalize-host.js'
import { normalizePath } from '../../src/base/normalize-path.js'
import { runAtOnce } from '../../src/base/run-steps.js'
import { MIDDLEWARES } from '../../src/middlewares/middlewares.js'
import type { ProxyError } from '../../src/model/errors.js'
import type { RequestFacts } from '../../src/model/request-facts.js'
import { CompiledRouter } from '../../src/routing/compiled-router.js'
import { Router } from '../../src/routing/router.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { formatRule, RuleMatcher } from '../../src/rules/rule-matcher.js'
import { factsOf } from '../support/facts-of.js'
import { PRIORITIES } from './tables/priorities.js'
import type { Answer, Asked, Row } from './tables/row.js'
import { TRAEFIK1 } from './tables/traefik1.js'
import { TRAEFIK1_MODIFIERS } from './tables/traefik1-modifiers.js'
import { TRAEFIK1_REFUSED } from './tables/traefik1-refused.js'
import { TRAEFIK3, TRAEFIK3_REFUSED } from './tables/traefik3.js'
import { KEPT, SENT_ON } from './tables/trailing-slash.js'

const TABLES = { TRAEFIK1, TRAEFIK1_MODIFIERS, TRAEFIK1_REFUSED, TRAEFIK3, TRAEFIK3_REFUSED, KEPT, SENT_ON }

/** As the engine reads them from a request. */
function factsAsked(asked: Asked): RequestFacts {
  const { method = 'GET', url = '/', headers = {}, from } = typeof asked === 'string' ? { url: asked } : asked
  const [, host = 'books.test', path = '', query = ''] =
    /^(?:http:\/\/([^/?]*))?([^?]*)\??(.*)$/.exec(url) ?? []
  return factsOf({
    ...{ method, query, headers, host: hostOf(host), path: normalizePath(path) },
    ...(from !== undefined && { clientAddress: from }),
  })
}

function routerOf(rule: Row[0], keepTrailingSlash?: boolean): CompiledRouter {
  const frontend = isRoutes(rule)
    ? { routes: Object.fromEntries(rule.map((one, index) => [`route-${index}`, { rule: one }])) }
    : { rule }
  const options = keepTrailingSlash === undefined ? {} : { keepTrailingSlash }
  const frontends = { only: { backend: 'pool', ...frontend } }
  const tables = { matchers: matcherTable(options), middlewares: MIDDLEWARES }
  return runAtOnce(CompiledRouter.compileSteps(Object.entries(frontends), tables))
}

function isRoutes(rule: Row[0]): rule is readonly string[] {
  return Array.isArray(rule)
}

/** What becomes of a request, in the words of the tables. */
function answerOf(rule: Row[0], asked: Asked, keepTrailingSlash?: boolean): Answer {
  const facts = factsAsked(asked)
  const router = routerOf(rule, keepTrailingSlash)
  const frontend = router.match(facts)
  const { winner } = router.explain(facts)
  expect(winner?.frontend).toBe(frontend?.name)
  if (!frontend) return 'no'
  const location = frontend.otherSlash?.(facts.path)
  if (location !== undefined) {
    const whole = facts.query === '' ? location : `${location}?${facts.query}`
    expect(winner?.answer).toEqual({ status: 301, location: whole })
    return { location: whole }
  }
  expect(winner?.answer).toBeUndefined()
  const rewrite = frontend.rewrite?.(facts.path)
  expect(winner?.path).toBe(rewrite?.path)
  if (!rewrite || (rewrite.path === facts.path && rewrite.headers.length === 0)) return 'yes'
  const prefix = valuesOf(rewrite.headers, 'X-Forwarded-Prefix')
  const replaced = valuesOf(rewrite.headers, 'X-Replaced-Path')
  expect(2 * (prefix.length + replaced.length)).toBe(rewrite.headers.length)
  return {
    path: rewrite.path,
    ...(prefix.length > 0 && { prefix }),
    ...(replaced.length > 0 && { replaced }),
  }
}

function valuesOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, index) => headers[index - 1] === name && index % 2 === 1)
}

/** What is wrong with a rule. */
function messagesOf(rule: Row[0], keepTrailingSlash?: boolean): string[] {
  try {
    routerOf(rule, keepTrailingSlash)
  } catch (error) {
    expect(error).toMatchObject({ code: 'PROXY_CONFIG_INVALID', source: 'config' })
    return (error as ProxyError).issues.map(({ message }) => message)
  }
  return []
}

function check(rule: Row[0], asked: Asked, answer: Answer, keepTrailingSlash?: boolean): void {
  if (typeof answer === 'object' && 'refused' in answer) {
    expect(messagesOf(rule, keepTrailingSlash)).toEqual([expect.stringContaining(answer.refused)])
    return
  }
  expect(answerOf(rule, asked, keepTrailingSlash)).toEqual(answer)
}

describe("Traefik 1.7's form", () => {
  it.each(TRAEFIK1)('%j, asked %j: %j', (...row) => check(...row))
  it.each(TRAEFIK1_MODIFIERS)('changes paths: %j, asked %j: %j', (...row) => check(...row))
  it.each(TRAEFIK1_REFUSED)('%j is refused (%j): %j', (...row) => check(...row))
})

describe("Traefik 3's form", () => {
  it.each(TRAEFIK3)('%j, asked %j: %j', (...row) => check(...row))
  it.each(TRAEFIK3_REFUSED)('%j is refused (%j): %j', (...row) => check(...row))
})

describe('a slash at the end', () => {
  it.each(KEPT)('counts by default: %j, asked %j: %j', (...row) => check(...row))
  it.each(KEPT)('counts where it is kept: %j, asked %j: %j', (...row) => check(...row, true))
  it.each(SENT_ON)('is mended where it is not kept: %j, asked %j: %j', (...row) => check(...row, false))

  it.each(SENT_ON.filter(([, , answer]) => typeof answer === 'object' && 'location' in answer))(
    'is mended once: %j, asked %j: %j',
    (rule, asked) => {
      const sent = answerOf(rule, asked, false) as { location: string }
      const again = typeof asked === 'string' ? {} : asked
      expect(answerOf(rule, { ...again, url: sent.location }, false)).not.toHaveProperty('location')
    },
  )
})

describe('among several frontends', () => {
  it.each(PRIORITIES)('decides %s', (_what, frontends, url, winner) => {
    const named = Object.entries(frontends).map(
      ([name, frontend]) => [name, { backend: 'pool', ...frontend }] as const,
    )
    // The order in a document means nothing.
    for (const order of [named, named.toReversed()]) {
      const router = Router.compile({ frontends: Object.fromEntries(order) })
      expect(router.match(factsAsked(url))?.name).toBe(winner)
    }
  })
})

describe('the tables', () => {
  it('hold 200 rows and more, none twice', () => {
    const rows = Object.entries(TABLES).flatMap(([name, table]) =>
      table.map(([rule, asked]) => JSON.stringify([name.startsWith('SENT'), rule, asked])),
    )
    expect(rows.length + PRIORITIES.length).toBeGreaterThan(200)
    expect(rows.filter((row, index) => rows.indexOf(row) !== index)).toEqual([])
  })

  it.each(Object.entries(TABLES))('of %s hold for the canonical text of their rules too', (_name, table) => {
    for (const [rule, asked] of table) {
      if (isRoutes(rule) || messagesOf(rule).length > 0) continue
      const canonical = formatRule(rule)
      expect(formatRule(canonical)).toBe(canonical)
      expect(answerOf(canonical, asked)).toEqual(answerOf(rule, asked))
      const facts = factsAsked(asked)
      expect(new RuleMatcher(rule).matches(facts)).toBe(routerOf(rule).match(facts) !== undefined)
    }
  })
})
