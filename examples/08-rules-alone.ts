// Routing rules without a socket: what a unit test of your routes looks like. Run: npx tsx examples/08-rules-alone.ts
import assert from 'node:assert/strict'
import { formatRule, type RequestFacts, Router, RuleMatcher, validateConfig } from 'switchover'

const facts: RequestFacts = {
  method: 'GET',
  host: 'admin.example.com',
  path: '/',
  query: '',
  headers: {},
  clientAddress: '10.1.2.3',
}

const office = new RuleMatcher({ host: 'admin.example.com', clientIp: ['10.0.0.0/8', '2001:db8::/32'] })
assert.equal(office.matches(facts), true)
assert.equal(office.matches({ ...facts, clientAddress: '::ffff:10.1.2.3' }), true) // folded to IPv4
assert.equal(office.matches({ ...facts, clientAddress: '192.0.2.1' }), false)
assert.equal(office.rule, formatRule('Host: admin.example.com; ClientIP: 10.0.0.0/8, 2001:db8::/32'))
assert.throws(() => new RuleMatcher('ClientIP:010.0.0.0/8'), /leading zero/)

const router = Router.compile({
  frontends: {
    office: { backend: 'admin', rule: 'Host:admin.example.com;ClientIP:10.0.0.0/8' },
    others: { backend: 'sorry', rule: 'Host:admin.example.com' },
  },
})
assert.equal(router.match(facts)?.backend, 'admin')
console.log(router.explain({ ...facts, clientAddress: '192.0.2.1' }).text)

const checked = validateConfig({ frontends: { a: { backend: 'b', rule: 'Hots:a.test' } }, backends: {} })
if (!checked.ok) for (const { path, message } of checked.issues) console.log(`${path}: ${message}`)
