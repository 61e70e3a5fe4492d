import { describe, expect, it } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import type { Frontend } from '../../src/model/config.js'
import { CompiledRouter } from '../../src/routing/compiled-router.js'
import { matcherTable } from '../../src/rules/matchers.js'
import { factsOf } from '../support/facts-of.js'

const TABLES = { matchers: matcherTable(), middlewares: [] }

describe('CompiledRouter', () => {
  it('pauses at every frontend when it is run in steps', () => {
    const frontend: Frontend = { backend: 'b', rule: 'Path:/' }
    const steps = CompiledRouter.compileSteps(Object.entries({ a: frontend, b: frontend }), TABLES)
    let pauses = 0
    while (!steps.next().done) pauses += 1
    // Each is compiled, all are sorted, each is indexed.
    expect(pauses).toBe(5)
  })

  it('takes over what is compiled of the very same frontends, and nothing else', () => {
    const [same, changed]: Frontend[] = [
      { backend: 'b', rule: 'Path:/' },
      { backend: 'b', rule: 'Path:/a' },
    ]
    const compile = (frontends: Record<string, Frontend>, previous?: CompiledRouter) =>
      runAtOnce(CompiledRouter.compileSteps(Object.entries(frontends), TABLES, previous))
    const before = compile({ a: same as Frontend, b: changed as Frontend })
    const after = compile(
      { a: same as Frontend, b: { ...(changed as Frontend) }, c: same as Frontend },
      before,
    )
    const named = (router: CompiledRouter, name: string) =>
      router.frontends.find((frontend) => frontend.name === name)
    expect(named(after, 'a')).toBe(named(before, 'a'))
    expect(named(after, 'b')).not.toBe(named(before, 'b'))
    expect(named(after, 'c')).toMatchObject({ name: 'c', rule: 'Path:/' })
    expect(after.match(factsOf({ path: '/a' }))?.name).toBe('b')
  })
})
