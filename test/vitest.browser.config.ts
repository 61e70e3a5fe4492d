import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The dashboard in a real browser: `npm run test:browser`. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/browser/chromium.ts'],
    // One page at a time: what is measured is the page, not how many browsers a machine can bear.
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    reporters: ['verbose'],
  },
})
