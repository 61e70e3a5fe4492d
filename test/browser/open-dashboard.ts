import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect, inject } from 'vitest'

/** A limit for everything that is waited for; the page has nothing that takes so long. */
const PATIENCE_MS = 15_000

/** One browser for a file of tests. */
export function launchBrowser(): Promise<Browser> {
  const asRoot = process.getuid?.() === 0
  return chromium.launch({
    executablePath: inject('chromium'),
    args: asRoot ? ['--no-sandbox'] : [],
  })
}

export interface OpenPage {
  readonly page: Page
  /** Everything that a page of good manners has none of: exceptions, refusals by the content policy, dialogs. */
  readonly complaints: string[]
  /** Every address that was asked for. */
  readonly asked: string[]
}

/** Opens the dashboard that stands under `baseUrl`, and waits until it has read everything. */
export async function openDashboard(
  browser: Browser,
  baseUrl: string,
  options: BrowserContextOptions & { readonly waitForData?: boolean } = {},
): Promise<OpenPage> {
  const { waitForData = true, ...contextOptions } = options
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  page.on('console', (message) => {
    // What the network refuses, the tests that refuse it look at themselves.
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return
    complaints.push(`console: ${message.text()}`)
  })
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => asked.push(request.url()))
  await page.addInitScript(watchLongTasks)
  await page.goto(`${baseUrl}/dashboard/`)
  if (waitForData) await page.waitForSelector('body[data-loaded]')
  return { page, complaints, asked }
}

declare global {
  // Kept by the page, for what it measures of itself.
  var longTasks: number[]
  var seenAt: number | undefined
}

function watchLongTasks(): void {
  globalThis.longTasks = []
  new PerformanceObserver((list) => {
    globalThis.longTasks.push(...list.getEntries().map(({ duration }) => duration))
  }).observe({ type: 'longtask', buffered: true })
}

/** The longest time, in milliseconds, for which the page was deaf. */
export function longestTask(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(0, ...globalThis.longTasks))
}

/** From now on the page itself watches for a text, and notes when it could first be seen. */
export async function watchFor(page: Page, selector: string, text: string): Promise<() => Promise<number>> {
  await page.evaluate(
    ([place, wanted]) => {
      globalThis.seenAt = undefined
      const look = (): void => {
        const found = document.querySelector<HTMLElement>(place)
        if (globalThis.seenAt === undefined && found?.innerText.includes(wanted))
          globalThis.seenAt = Date.now()
      }
      new MutationObserver(look).observe(document.body, {
        subtree: true,
        childList: true,
        characterData: true,
      })
    },
    [selector, text] as const,
  )
  return async () => {
    await page.waitForFunction(() => globalThis.seenAt !== undefined)
    return (await page.evaluate(() => globalThis.seenAt)) as number
  }
}

/** What a person would find in a place, waited for. */
export async function expectText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await expect
    .poll(() => page.locator(selector).first().innerText(), { timeout: PATIENCE_MS, message: selector })
    .toMatch(typeof text === 'string' ? new RegExp(escaped(text)) : text)
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
