import axeCore from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createProxy, type ReverseProxy, StaticProvider } from '../../src/index.js'
import { BROKEN, small } from './dashboard-configs.js'
import { expectText, launchBrowser, openDashboard } from './open-dashboard.js'

declare global {
  // What its source puts into the page.
  var axe: typeof import('axe-core')
}

const FOCUSABLE = 'a[href], button, input, select, summary, [tabindex="0"]'

let proxy: ReverseProxy
let browser: Browser
let url: string

beforeAll(async () => {
  const provider = new StaticProvider({ config: small('/v1') })
  proxy = createProxy({ providers: [provider], status: { address: '127.0.0.1:0' } })
  await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  for (let version = 2; version < 12; version++) await provider.update(small(`/v${version}`))
  await provider.update(BROKEN)
  url = (await proxy.statusAddress()).url
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
  await proxy.close({ drainMs: 0 })
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
})

/** Everything opened and asked that can be. */
async function unfold(page: Page): Promise<void> {
  await page.fill('#explain-host', 'www.example.com')
  await page.click('#explain-form button')
  await page.waitForSelector('.winner')
  await page.locator('#explain-answer details').evaluateAll((all) => {
    for (const details of all) (details as HTMLDetailsElement).open = true
  })
  for (const type of ['refusal', 'switch']) {
    await page.locator(`.entry[data-type="${type}"] summary`).first().click()
  }
  await page.locator('#frontends-body .row').first().click()
  await page.locator('#backends').scrollIntoViewIfNeeded()
  await page.waitForSelector('.backend tbody tr')
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [390, 1280]) {
    test(`axe finds nothing serious: ${colorScheme}, ${width} px`, async () => {
      const { page } = await openDashboard(browser, url, { colorScheme, viewport: { width, height: 900 } })
      await unfold(page)
      await page.evaluate(axeCore.source)
      const { violations, passes } = await page.evaluate(() => globalThis.axe.run())
      expect(passes.length).toBeGreaterThan(20)
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
    })
  }
}

test('nothing is wider than the page, from phone to wide screen', async () => {
  for (const width of [320, 390, 768, 1024, 1680, 2560]) {
    const { page } = await openDashboard(browser, url, { viewport: { width, height: 900 } })
    await unfold(page)
    expect([width, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([width, width])
  }
})

test('the keyboard alone reaches every control, in the order of the page', async () => {
  const { page } = await openDashboard(browser, url)
  await unfold(page)
  await page.evaluate((focusable) => {
    const visible = [...document.querySelectorAll<HTMLElement>(focusable)].filter((node) =>
      node.checkVisibility(),
    )
    for (const [place, node] of visible.entries()) node.dataset['stop'] = String(place)
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    getSelection()?.removeAllRanges()
    scrollTo(0, 0)
  }, FOCUSABLE)
  const wanted = await page.locator('[data-stop]').count()
  expect(wanted).toBeGreaterThan(25)
  await page.locator('.skip').focus()
  const reached = [0]
  for (let tries = 0; tries < wanted * 2 && reached.at(-1) !== wanted - 1; tries++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(() =>
      Number((document.activeElement as HTMLElement).dataset['stop'] ?? -1),
    )
    // A list that scrolls is a stop of the browser's own.
    if (stop >= 0) reached.push(stop)
  }
  expect(reached).toEqual(Array.from({ length: wanted }, (_, place) => place))
})

test('the keyboard alone opens an entry, and the focus can be seen', async () => {
  const { page } = await openDashboard(browser, url)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main')
  await page.keyboard.press('Tab')
  await expectText(page, ':focus', 'Show in the timeline')
  await page.keyboard.press('Enter')
  await expectText(page, ':focus', 'Refused /v-broken')
  await expectText(page, '.entry:first-child .issues', 'frontends.lost.backend')
  await page.keyboard.press('Enter')
  expect(await page.locator('.entry:first-child details').getAttribute('open')).toBeNull()
  await page.keyboard.press('Tab')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineWidth)
  expect(outline).toBe('2px')
})

test('headings do not skip a level, landmarks are named, and each plot has its words', async () => {
  const { page } = await openDashboard(browser, url)
  await unfold(page)
  const levels = await page.evaluate(() =>
    [...document.querySelectorAll('h1, h2, h3, h4')]
      .filter((node) => node.checkVisibility())
      .map((node) => Number(node.tagName.slice(1))),
  )
  expect(levels.filter((level) => level === 1)).toHaveLength(1)
  expect(levels.every((level, place) => place === 0 || level <= (levels[place - 1] ?? 0) + 1)).toBe(true)
  const plots = await page.getByRole('img').evaluateAll((nodes) => nodes.map((node) => node.ariaLabel))
  expect(plots.map((label) => label?.split(':')[0])).toEqual(['Requests', 'Errors', 'Latency', 'In flight'])
  for (const name of ['Traffic', 'Timeline', 'Explain', 'Frontends', 'Backends']) {
    expect(await page.getByRole('region', { name, exact: true }).count()).toBe(1)
  }
})
