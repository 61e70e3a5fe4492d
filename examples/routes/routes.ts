import type { ProviderConfig } from 'switchover'
import type { RouteExpectation } from 'switchover/testing'

/** A team's routes, as they stand under a prefix of the config API. */
export const document: ProviderConfig = {
  frontends: {
    office: { backend: 'admin', rule: 'Host:admin.example.com;ClientIP:10.0.0.0/8' },
    visitors: { backend: 'sorry', rule: 'Host:admin.example.com' },
    api: { backend: 'api', rule: 'Host:www.example.com;PathPrefixStrip:/api' },
    beta: { backend: 'beta', rule: 'Host(`www.example.com`) && (Header(`X-Beta`, `1`) || Query(`beta`))' },
    shops: { backend: 'shops', rule: { host: '*.shops.example.com' } },
    web: { backend: 'web', rule: 'Host:www.example.com' },
  },
  backends: Object.fromEntries(
    ['admin', 'sorry', 'api', 'beta', 'shops', 'web'].map((name) => [
      name,
      { servers: { one: { url: `http://${name}.internal:8080` } } },
    ]),
  ),
}

/** Where requests must go. Whoever changes the routes changes this too. */
export const table: RouteExpectation[] = [
  { url: 'http://admin.example.com/', clientAddress: '10.1.2.3', backend: 'admin' },
  { url: 'http://admin.example.com/', clientAddress: '192.0.2.1', backend: 'sorry' },
  { url: 'http://www.example.com/api/users?page=2', frontend: 'api', path: '/users' },
  { url: 'http://www.example.com/%61pi/users', frontend: 'api' },
  { url: 'http://www.example.com/?beta', frontend: 'beta' },
  { url: 'http://www.example.com/', headers: { 'X-Beta': '1' }, frontend: 'beta' },
  { url: 'http://www.example.com/', frontend: 'web' },
  { url: 'http://books.shops.example.com/', frontend: 'shops' },
  { url: 'http://a.books.shops.example.com/', frontend: null },
]
