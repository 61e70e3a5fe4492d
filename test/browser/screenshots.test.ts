import { mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProxy, type ProviderConfig, type ReverseProxy, StaticProvider } from '../../src/index.js'
import { expectText, launchBrowser, openDashboard } from './open-dashboard.js'

const folder = fileURLToPath(new URL('../../.cache/ci/screenshots', import.meta.url))
/** Seconds of traffic that make a plot. */
const SECONDS = 10
const HOSTS = ['www.example.com', 'www.example.com', 'www.example.com', 'map.example.com', 'api.example.com']

let browser: Browser
let proxy: ReverseProxy
let provider: StaticProvider
let upstream: Server
let url: string
let loading = true
let load: Promise<unknown>

function config(version: string, more: ProviderConfig['frontends'] = {}): ProviderConfig {
  const { port } = upstream.address() as AddressInfo
  const servers = {
    s57: { url: `http://127.0.0.1:${port}` },
    s58: { url: `http://localhost:${port}`, weight: 2 },
  }
  return {
    version,
    frontends: {
      'office-range': { backend: 'office', rule: 'Host:www.example.com;ClientIP:10.0.1.0/24' },
      www: { backend: 'web', rule: 'Host:www.example.com' },
      map: { backend: 'map', rule: { host: 'map.example.com' } },
      orders: { backend: 'orders', rule: 'Host(`api.example.com`) && PathPrefix(`/orders`)' },
      ...more,
    },
    backends: { office: { servers }, web: { servers }, map: { servers }, orders: { servers } },
  }
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true })
  let answered = 0
  upstream = createServer((_, res) => {
    answered++
    res.statusCode = answered % 150 === 0 ? 503 : 200
    setTimeout(() => res.end('hello'), 2 + (answered % 7))
  })
  await new Promise<void>((resolve) => upstream.listen(0, resolve))
  provider = new StaticProvider({ name: 'etcd-alias', config: config('/traefik/dev/v1') })
  proxy = createProxy({ providers: [provider], status: { address: '127.0.0.1:0' } })
  const { port } = (await proxy.listen({ port: 0, host: '127.0.0.1' })) as { port: number }
  await proxy.ready()
  url = (await proxy.statusAddress()).url
  load = Promise.all(HOSTS.map((host) => ask(port, host)))
  browser = await launchBrowser()
})
afterAll(async () => {
  loading = false
  await load
  await browser.close()
  await proxy.close({ drainMs: 0 })
  upstream.close()
})

async function ask(port: number, host: string): Promise<void> {
  while (loading) {
    const { body } = await request(`http://127.0.0.1:${port}/orders`, { headers: { host } })
    await body.dump()
  }
}

test('a few switches under load make a picture', async () => {
  const { page } = await openDashboard(browser, url)
  await provider.update(
    config('/traefik/dev/v2', { news: { backend: 'web', rule: 'Host:news.example.com' } }),
  )
  await expect
    .poll(
      async () => {
        const { points } = (await (await fetch(`${url}/api/traffic`)).json()) as {
          points: { requests: number }[]
        }
        return points.filter(({ requests }) => requests > 0).length
      },
      { timeout: 2000 * SECONDS, interval: 500 },
    )
    .toBeGreaterThan(SECONDS)
  await provider.update(config('/traefik/dev/v3'))
  await expectText(page, '#providers', '/traefik/dev/v3')
  await expectText(page, '.plot-now', /^[1-9][\d.,]*K? \/s$/)
})

const SHOTS = [
  { name: 'light', width: 1280, height: 1000, colorScheme: 'light' },
  { name: 'dark', width: 1280, height: 1000, colorScheme: 'dark' },
  { name: 'phone', width: 390, height: 844, colorScheme: 'light' },
  { name: 'wide', width: 1680, height: 1050, colorScheme: 'light' },
] as const

for (const { name, width, height, colorScheme } of SHOTS) {
  test(`a picture of it: ${name}`, async () => {
    const { page } = await openDashboard(browser, url, { colorScheme, viewport: { width, height } })
    await page.fill('#explain-host', 'www.example.com')
    await page.fill('#explain-client', '10.0.1.7')
    await page.click('#explain-form button')
    await page.waitForSelector('.winner')
    await page.locator('.entry summary').first().click()
    await page.locator('#backends').scrollIntoViewIfNeeded()
    await page.waitForSelector('.backend tbody tr')
    await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }))
    await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
  })
}

test('a picture of a refusal', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openDashboard(browser, url, { colorScheme })
    await provider.update(
      config('/traefik/dev/v4', { shop: { backend: 'shopp', rule: 'Hots:shop.example.com' } }),
    )
    await expectText(page, '#notices', 'Version /traefik/dev/v3 still serves requests.')
    await page.screenshot({ path: `${folder}/refusal-${colorScheme}.png` })
  }
})
