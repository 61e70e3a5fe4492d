import type { RequestFacts } from '../../src/model/request-facts.js'

/** A request of no special kind, but for what the test is about. */
export function factsOf(special: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: 'GET',
    host: 'www.example.com',
    path: '/',
    query: '',
    headers: {},
    clientAddress: '192.0.2.1',
    ...special,
  }
}
