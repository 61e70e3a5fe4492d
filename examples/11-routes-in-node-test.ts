// A team's routing table as a unit test in node:test, without a socket. Run: npx tsx examples/11-routes-in-node-test.ts
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lintConfig, Router } from 'switchover'
import { assertRoutes, factsOf } from 'switchover/testing'
import { document, table } from './routes/routes.js'

test('requests go where they should', () => assertRoutes(document, table))

test('every frontend can win, every backend is used, no ranges are in each other’s way', () => {
  assert.deepEqual(lintConfig(document), [])
})

test('and why', () => {
  const router = Router.compile(document)
  const facts = factsOf('http://admin.example.com/', { clientAddress: '192.0.2.1' })
  assert.match(router.explain(facts).text, /^office does not match: ClientIP:10\.0\.0\.0\/8$/m)
})
