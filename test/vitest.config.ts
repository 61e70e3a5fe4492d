import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  root,
  // Examples and tests import the package by its name, as its users do, and get its sources.
  resolve: { alias: [{ find: /^switchover$/, replacement: `${root}src/index.ts` }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/etcd-global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
