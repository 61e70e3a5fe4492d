import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildPackage } from './parts/built-package.js'

const HELP = `npm run bench:switching [-- OPTIONS]

Every bench but that of throughput, in its quick form, in less than a minute. Fails if anything failed, mixed, or was left over.

  --package FOLDER measures this build of the package instead of one of the sources
  --help           this text`

const { values } = parseArgs({ options: { package: { type: 'string' }, help: { type: 'boolean' } } })
if (values.help) {
  console.log(HELP)
  process.exit()
}

buildPackage(values.package)
const folder = process.env['SWITCHOVER_BENCH_PACKAGE'] ?? ''
const failed = [
  'routing',
  'flip-to-switch',
  'keys-in-etcd',
  'switches-under-load',
  'memory-after-switches',
].filter((bench) => {
  const file = fileURLToPath(new URL(`${bench}.ts`, import.meta.url))
  const args = [...process.execArgv, file, '--quick', '--package', folder]
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
