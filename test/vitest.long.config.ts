import { defineConfig } from 'vitest/config'
import config from './vitest.config.js'

const { projects: _, ...shared } = config.test ?? {}

/** What takes minutes: `npm run test:long`. Each has a short form in `npm test`. */
export default defineConfig({
  ...config,
  test: {
    ...shared,
    include: ['test/long/**/*.long.ts'],
    testTimeout: 300_000,
    // One after the other, for they measure, and each told as it ends.
    fileParallelism: false,
    reporters: ['verbose'],
  },
})
