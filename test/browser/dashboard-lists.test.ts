import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProxy, type ReverseProxy, StaticProvider } from '../../src/index.js'
import { large } from './dashboard-configs.js'
import { expectText, launchBrowser, longestTask, openDashboard } from './open-dashboard.js'

const COUNT = 100_000
const LONGEST_MS = 200

const provider = new StaticProvider({ config: large('/v1', COUNT) })
let proxy: ReverseProxy
let browser: Browser
let page: Page

beforeAll(async () => {
  proxy = createProxy({ providers: [provider], status: { address: '127.0.0.1:0' } })
  await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready({ timeoutMs: 30_000 })
  browser = await launchBrowser()
  ;({ page } = await openDashboard(browser, (await proxy.statusAddress()).url))
  await page.locator('#frontends').scrollIntoViewIfNeeded()
})
afterAll(async () => {
  await browser.close()
  await proxy.close({ drainMs: 0 })
})

test('100,000 frontends are there, and only a window of them is drawn', async () => {
  await expectText(page, '#frontends-search-count', '100,000 frontends')
  await expectText(page, '#frontends-body', 'shop-000000@static')
  const drawn = await page.locator('#frontends-body .row').count()
  expect(drawn).toBeGreaterThan(8)
  expect(drawn).toBeLessThan(60)
  expect(await page.locator('#frontends-grid').getAttribute('aria-rowcount')).toBe(String(COUNT + 1))
  expect(await longestTask(page)).toBeLessThan(LONGEST_MS)
})

test('search finds one of them', async () => {
  await page.fill('#frontends-search', 'shop-077777')
  await expectText(page, '#frontends-search-count', '1 of 100,000 frontends')
  await expect.poll(() => page.locator('#frontends-body .row').count()).toBe(1)
  await expectText(page, '#frontends-body', 'shop-077777@static')
  await page.fill('#frontends-search', 'there is none like this')
  await expectText(page, '#frontends-empty', 'No frontend has “there is none like this”')
  await page.fill('#frontends-search', '')
  await expectText(page, '#frontends-body', 'shop-000000@static')
  expect(await longestTask(page)).toBeLessThan(LONGEST_MS)
})

test('scrolling to the end shows the last, on the way nothing freezes', async () => {
  await page.evaluate(async () => {
    const grid = document.getElementById('frontends-grid')
    if (!grid) throw new Error('no grid')
    const end = grid.scrollHeight - grid.clientHeight
    for (let step = 1; step <= 60; step++) {
      grid.scrollTop = (end * step) / 60
      await new Promise((resolve) => requestAnimationFrame(resolve))
    }
  })
  await expectText(page, '#frontends-body .row:last-child', 'shop-099999@static')
  expect(await page.locator('#frontends-body .row').last().getAttribute('aria-rowindex')).toBe(
    String(COUNT + 1),
  )
  expect(await longestTask(page)).toBeLessThan(LONGEST_MS)
})

test('the keyboard goes through the list, and shows the whole of a row', async () => {
  await page.locator('#frontends-grid').focus()
  await page.keyboard.press('Home')
  await expectText(page, '#frontend-detail', 'shop-000000@static')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await expectText(page, '#frontend-detail', 'Host:shop-000002.example.com')
  await page.keyboard.press('PageDown')
  await page.keyboard.press('End')
  await expectText(page, '#frontend-detail', 'shop-099999@static')
  for (let times = 0; times < 3; times++) await page.keyboard.press('PageUp')
  await expect.poll(() => rowOrder(page)).toEqual({ ascending: true, last: false })
  await page.keyboard.press('End')
  await expect.poll(() => rowOrder(page)).toEqual({ ascending: true, last: true })
  const active = await page.locator('#frontends-grid').getAttribute('aria-activedescendant')
  await expectText(page, `#${active}`, 'shop-099999@static')
  expect(await longestTask(page)).toBeLessThan(LONGEST_MS)
})

/** Whether rows are read in the order in which they are seen, and whether the last of all is among them. */
async function rowOrder(of: Page): Promise<{ ascending: boolean; last: boolean }> {
  const indexes = await of
    .locator('#frontends-body .row')
    .evaluateAll((rows) => rows.map((row) => Number(row.ariaRowIndex)))
  return {
    ascending: indexes.every((index, place) => place === 0 || index === (indexes[place - 1] ?? 0) + 1),
    last: indexes.at(-1) === COUNT + 1,
  }
}

test('a flip of all of them shows in the list where it stands', async () => {
  const { frontends, ...rest } = large('/v2', COUNT)
  const { 'shop-099998': _, ...fewer } = frontends
  await provider.update({ ...rest, frontends: fewer })
  await expectText(page, '#providers', '/v2')
  await expectText(page, '#frontends-search-count', '99,999 frontends')
  await expectText(page, '#frontends-body .row:last-child', 'shop-099999@static')
  await page.locator('.entry summary').first().click()
  await expectText(page, '.entry .diff', /1 removed\s+shop-099998@static/)
  expect(await longestTask(page)).toBeLessThan(LONGEST_MS)
})
