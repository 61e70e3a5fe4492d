import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Pure functions: their tests share processes, for they leave nothing behind that another could find. */
const pure = ['model', 'base', 'balancing', 'rules', 'routing', 'validation'].map(
  (room) => `test/${room}/**/*.test.ts`,
)

/** These run for half a minute whatever the machine. Started last, one of them would be what all wait for. */
const SET_TIME = /\/(hostile-mix|fuzz)\.test\.ts$/

class SetTimeFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isFirst = ({ moduleId }: TestSpecification) => SET_TIME.test(moduleId)
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))]
  }
}

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
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Most files wait for timers, for etcd and for child processes: with one worker for each core, cores idle.
    maxWorkers: 4,
    sequence: { sequencer: SetTimeFirst },
    projects: [
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'others',
          // These tests watch that exchanges take legal steps alone.
          setupFiles: ['test/support/watch-phases.ts'],
          // An example that shows tests is one.
          include: ['test/**/*.test.ts', 'examples/*.test.ts'],
          // The dashboard in a browser has a configuration of its own.
          exclude: [...configDefaults.exclude, ...pure, 'test/browser/**'],
        },
      },
    ],
  },
})
