import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What starts an etcd, itself or through other support. */
const STARTS_ETCD =
  /support\/(etcd-(server|cluster)|guarded-etcd|followed-cluster|following-proxy|api-outage|cycles)\.js/

const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  // The bench has packages of its own; what runs in a browser has a configuration of its own.
  .filter((file) => /^(?!browser\/|.*node_modules).*\.test\.ts$/.test(file))
  .map((file) => `test/${file}`)
// An example that shows tests is one.
const examples = 'examples/*.test.ts'
const onEtcd = tests.filter((file) => STARTS_ETCD.test(readFileSync(join(root, file), 'utf8')))

export default defineConfig({
  root,
  // Examples and tests import the package by its name, as its users do, and get its sources.
  resolve: {
    alias: [
      { find: /^switchover$/, replacement: `${root}src/index.ts` },
      { find: /^switchover\/testing$/, replacement: `${root}src/testing.ts` },
    ],
  },
  test: {
    globalSetup: ['test/support/etcd-global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'units', include: [examples, ...tests.filter((file) => !onEtcd.includes(file))] },
      },
      // One after the other, when the others are through: they promise seconds, and etcd asks for a quiet disk.
      {
        extends: true,
        test: { name: 'etcd', include: onEtcd, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
