import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type ConfigSink,
  createProxy,
  type Provider,
  type ReverseProxy,
  StaticProvider,
} from '../../src/index.js'
import { BROKEN, small } from './dashboard-configs.js'
import { expectText, launchBrowser, openDashboard, watchFor } from './open-dashboard.js'

let browser: Browser
const open: ReverseProxy[] = []

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  for (const proxy of open.splice(0)) await proxy.close({ drainMs: 0 })
})

async function serve(
  providers: Provider[],
  status: { address?: string; token?: string } = {},
): Promise<string> {
  const proxy = createProxy({ providers, status: { address: '127.0.0.1:0', ...status } })
  open.push(proxy)
  await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  return (await proxy.statusAddress()).url
}

test('the first glance: generation, version, age, and that nothing was refused', async () => {
  const url = await serve([new StaticProvider({ config: small('/v1') })])
  const { page, complaints } = await openDashboard(browser, url)
  await expectText(page, '#generation', '1')
  await expectText(page, '#providers', /Live\s+static\s+\/v1\s+live for \d+ s\s+nothing refused/)
  await expectText(page, '#size', '3 frontends · 2 backends')
  await expectText(page, '#connection', 'Connected')
  expect(await page.title()).toBe('Generation 1 /v1 – Switchover')
  expect(complaints).toEqual([])
})

test('a flip made while the page is open shows within a second, with its diff', async () => {
  const provider = new StaticProvider({ config: small('/v1') })
  const url = await serve([provider])
  const { page } = await openDashboard(browser, url)
  const seen = await watchFor(page, '#providers', '/v2')
  const { frontends } = small('/v2', {
    frontends: { news: { backend: 'web', rule: 'Host:news.example.com' } },
  })
  const { map: _, ...kept } = frontends
  const told = await provider.update({ ...small('/v2'), frontends: kept })
  const resolvedAt = Date.now()
  expect(told).toMatchObject({ state: 'live' })
  expect((await seen()) - resolvedAt).toBeLessThan(1000)

  await expectText(page, '#generation', '2')
  await expectText(page, '#announcer', 'Generation 2: static serves /v2. 1 added, 1 removed')
  await page.locator('.entry summary').first().click()
  await expectText(page, '.entry .diff', /Frontends\s+\+ 1 added\s+news@static\s+− 1 removed\s+map@static/)
  await expectText(page, '.entry .steps', /validate\s+[\d.]+ ms\s+merge/)
  await expect.poll(() => page.locator('#frontends-body .row').count()).toBe(3)
  await expectText(page, '#frontends-body', 'news@static')
})

test('a refusal shows its issues and what goes on serving, until the next switch', async () => {
  const provider = new StaticProvider({ config: small('/v1') })
  const url = await serve([provider])
  const { page } = await openDashboard(browser, url)
  const told = await provider.update(BROKEN)
  expect(told).toMatchObject({ state: 'refused' })
  await expectText(page, '#notices', 'Refused: version /v-broken of provider static')
  await expectText(page, '#notices', 'Version /v1 still serves requests.')
  await expectText(page, '#providers', 'refused /v-broken')
  await expectText(page, '#announcer', 'Refused: version /v-broken of provider static. 2 issues.')
  expect(await page.title()).toMatch(/^Refused! Generation 1 /)

  const issues = told?.state === 'refused' ? told.issues : []
  expect(issues.map(({ path }) => path).sort()).toEqual(['frontends.lost.backend', 'frontends.torn.rule'])
  await page.locator('#notices button').click()
  await expectText(page, '.entry[data-type="refusal"] summary', '2 issues')
  for (const { path, message } of issues) {
    await expectText(page, '#notices .issues', path)
    await expectText(page, '.entry[data-type="refusal"] .issues', path)
    await expectText(page, '.entry[data-type="refusal"] .issues', message)
  }

  await provider.update(small('/v2'))
  await expectText(page, '#providers', /\/v2\s+live for \d+ s\s+nothing refused/)
  expect(await page.locator('#notices > *').count()).toBe(0)
})

test('the history of before the page was opened is there', async () => {
  const provider = new StaticProvider({ config: small('/v1') })
  const url = await serve([provider])
  await provider.update(small('/v2'))
  await provider.update(BROKEN)
  const { page } = await openDashboard(browser, url)
  await expect.poll(() => page.locator('.entry').count()).toBe(3)
  const titles = await page.locator('.entry-title').allInnerTexts()
  expect(titles).toEqual(['Refused /v-broken', 'Generation 2 /v2', 'Generation 1 /v1'])
  await expectText(page, '#notices', 'Version /v2 still serves requests.')
})

test('a provider in trouble is shown as such, and what it delivered before as serving', async () => {
  let sink: ConfigSink | undefined
  const provider: Provider = {
    name: 'remote',
    start: async (given) => {
      sink = given
      void given.update(small('/v1'))
    },
    stop: async () => {},
  }
  const url = await serve([provider])
  const { page } = await openDashboard(browser, url)
  sink?.unavailable(new Error('no answer from the source'))
  await expectText(page, '#providers', /Unavailable, still serving\s+remote\s+\/v1/)
  await expectText(page, '#providers', 'no answer from the source')
})

test('hostile names, versions and rules are text and nothing else', async () => {
  const hostile = '<img src=x onerror=alert(1)>'
  const evil = {
    frontends: {
      [hostile]: { backend: hostile, rule: 'Host:www.example.com;PathPrefix:/<script>alert(2)</script>' },
    },
    backends: { [hostile]: { servers: { [hostile]: { url: 'http://127.0.0.1:9' } } } },
  }
  const provider = new StaticProvider({ config: small('/v1') })
  const url = await serve([provider])
  const { page, complaints } = await openDashboard(browser, url)
  await provider.update({ version: `<b>${hostile}`, ...evil })
  await expectText(page, '#providers', `<b>${hostile}`)
  await expectText(page, '#frontends-body', `${hostile}@static`)
  await page.locator('#frontends-body .row').first().click()
  await expectText(page, '#frontend-detail', '<script>alert(2)</script>')
  await page.locator('#frontend-detail button').click()
  await expectText(page, '#backends-list', `${hostile}@static`)
  await page.locator('.entry summary').first().click()
  await expectText(page, '.entry .diff', `${hostile}@static`)
  await page.fill('#explain-host', 'www.example.com')
  await page.fill('#explain-path', '/<script>alert(2)</script>')
  await page.click('#explain-form button')
  await expectText(page, '#explain-verdict', hostile)
  await provider.update({ version: hostile, ...evil, backends: {} })
  await expectText(page, '#notices', hostile)
  expect(await page.locator('img, iframe, body script, b').count()).toBe(0)
  expect(complaints).toEqual([])
})

test('explain names the winner and why the others lost', async () => {
  const url = await serve([new StaticProvider({ config: small('/v1') })])
  const { page } = await openDashboard(browser, url)
  await page.fill('#explain-host', 'www.example.com')
  await page.fill('#explain-client', '10.1.2.3')
  await page.keyboard.press('Enter')
  await expectText(page, '#explain-verdict', 'office@static wins and sends it to backend admin@static.')
  await expectText(page, '#explain-answer', 'Host:www.example.com;ClientIP:10.0.0.0/8')
  await expectText(page, '#explain-answer', /1 other would match, but comes? later\s+www@static/)
  await expectText(page, '#explain-answer', 'http://127.0.0.3:9')
  await page.getByText('1 rule refused it').click()
  await expectText(page, '#explain-answer', /map@static\s+refused by /)

  await page.fill('#explain-host', 'nobody.example.com')
  await page.click('#explain-form button')
  await expectText(page, '#explain-verdict', 'No frontend matches: every rule refuses this request.')
})

test('explain lists the middlewares of the winner, and what each says', async () => {
  const listed = { backend: 'web', rule: 'Host:listed.test', whiteList: { sourceRange: ['192.0.2.0/24'] } }
  const url = await serve([new StaticProvider({ config: small('/v1', { frontends: { listed } }) })])
  const { page } = await openDashboard(browser, url)
  await page.fill('#explain-host', 'listed.test')
  await page.fill('#explain-client', '10.1.2.3')
  await page.keyboard.press('Enter')
  await expectText(page, '#explain-verdict', 'listed@static wins and refuses this client (403).')
  await expectText(page, '#explain-answer', /whiteList\s+10\.1\.2\.3 is not on the white list/)
})

test('a status server with a token: the page asks for it, keeps it in the tab, and sends it', async () => {
  const url = await serve([new StaticProvider({ config: small('/v1') })], { token: 'sesame' })
  const { page } = await openDashboard(browser, url, { waitForData: false })
  await page.waitForSelector('#token-input:focus')
  await page.keyboard.type('wrong')
  await page.keyboard.press('Enter')
  await expectText(page, '#token-complaint', 'This token was refused.')
  await page.keyboard.type('sesame')
  await page.keyboard.press('Enter')
  await expectText(page, '#providers', '/v1')
  expect(await page.locator('#token').isVisible()).toBe(false)
  await page.reload()
  await expectText(page, '#providers', '/v1')
  expect(await page.evaluate(() => [sessionStorage.length, localStorage.length])).toEqual([1, 0])
})

test('when the server is gone the page says so, and reads everything anew when it is back', async () => {
  const url = await serve([new StaticProvider({ config: small('/v1') })])
  const { page } = await openDashboard(browser, url)
  await expectText(page, '#providers', '/v1')
  await open.pop()?.close({ drainMs: 0 })
  await expectText(page, '#connection', 'Connection lost')
  await expectText(page, '#connection-notice', /Connection lost, last data received at \d\d:\d\d:\d\d\./)
  await expectText(page, '#providers', '/v1')

  await serve([new StaticProvider({ config: small('/v9') })], { address: new URL(url).host })
  await expectText(page, '#connection', 'Connected')
  await expectText(page, '#providers', '/v9')
  await expect.poll(() => page.locator('.entry').count()).toBe(1)
  expect(await page.locator('#connection-notice').isVisible()).toBe(false)
})

test('works where it is mounted under a prefix', async () => {
  const url = await serve([new StaticProvider({ config: small('/v1') })])
  const mount = createServer((req, res) => {
    const rest = /^\/some\/where(\/.*)$/.exec(req.url ?? '')?.[1]
    if (rest === undefined) return void res.writeHead(404).end()
    const forwarded = request(`${url}${rest}`, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    res.on('close', () => forwarded.destroy())
    forwarded.on('error', () => res.destroy()).end()
  })
  await new Promise<void>((resolve) => mount.listen(0, '127.0.0.1', resolve))
  const { port } = mount.address() as AddressInfo
  const { page, complaints } = await openDashboard(browser, `http://127.0.0.1:${port}/some/where`)
  await expectText(page, '#providers', '/v1')
  await expectText(page, '#frontends-body', 'www@static')
  expect(complaints).toEqual([])
  mount.close()
  mount.closeAllConnections()
})

test('a hundred switches in a row end on the last', async () => {
  const provider = new StaticProvider({ config: small('/v0') })
  const url = await serve([provider])
  const { page, complaints } = await openDashboard(browser, url)
  for (let version = 1; version <= 100; version++) await provider.update(small(`/v${version}`))
  await expectText(page, '#providers', '/v100')
  await expectText(page, '#generation', '101')
  await page.locator('#timeline-list > button').click()
  await expect.poll(() => page.locator('.entry').count()).toBe(50)
  await expectText(page, '.entry-title', 'Generation 101 /v100')
  expect(complaints).toEqual([])
})

test('no request leaves the origin of the status server', async () => {
  const url = await serve([new StaticProvider({ config: small('/v1') })])
  const { page, asked, complaints } = await openDashboard(browser, url)
  await page.locator('#backends').scrollIntoViewIfNeeded()
  await expectText(page, '#backends-list', 'web@static')
  expect(asked.length).toBeGreaterThan(20)
  expect(asked.filter((address) => !address.startsWith(`${url}/`) && !address.startsWith('data:'))).toEqual(
    [],
  )
  expect(complaints).toEqual([])
})
