import { expect } from 'vitest'
import type { RuleSpec } from '../../src/model/config.js'
import { type Issue, ProxyError } from '../../src/model/errors.js'
import type { MatcherFactory } from '../../src/model/request-facts.js'
import { RuleMatcher } from '../../src/rules/rule-matcher.js'

/** What is wrong with a rule, as thrown. */
export function issuesOf(
  rule: string | RuleSpec,
  matchers: Readonly<Record<string, MatcherFactory>> = {},
): readonly Issue[] {
  try {
    new RuleMatcher(rule, { matchers })
  } catch (error) {
    expect(error).toBeInstanceOf(ProxyError)
    expect(error).toMatchObject({ code: 'PROXY_RULE_INVALID', source: 'config' })
    return (error as ProxyError).issues
  }
  return []
}
