// The same in Vitest, a test for each row. Run: npm test -- examples/12-routes-in-vitest.test.ts
import { lintConfig, Router } from 'switchover'
import { assertRoutes } from 'switchover/testing'
import { expect, test } from 'vitest'
import { document, table } from './routes/routes.js'

const router = Router.compile(document)

test.each(table)('$url goes where it should', (row) => assertRoutes(router, [row]))

test('nothing looks like a slip', () => expect(lintConfig(document)).toEqual([]))
