import { parseArgs } from 'node:util'
import type { LoadResult } from './children/load.js'
import { LoadedProxy, Wrongs } from './goals/loaded-proxy.js'
import { buildPackage } from './parts/built-package.js'
import { profileProxies } from './parts/child.js'
import {
  COMMON_HELP,
  COMMON_OPTIONS,
  type Finding,
  progress,
  type Row,
  runBench,
} from './parts/command-line.js'

const HELP = `npm run bench:memory [-- OPTIONS]

Whether switches leave anything behind: heap and resident memory of a proxy with 100 frontends under light load.

  --after N,N      how many switches before each look; default 1000,10000 (quick: 100,400)${COMMON_HELP}`

const { values } = parseArgs({ options: { ...COMMON_OPTIONS, after: { type: 'string' } } })
if (values.help) {
  console.log(HELP)
  process.exit()
}

const looks = (values.after ?? (values.quick ? '100,400' : '1000,10000')).split(',').map(Number)

interface Memory {
  readonly heap: number
  readonly rss: number
}

async function memoryAfterSwitches(): Promise<Finding> {
  const frontends = 100
  const loaded = await LoadedProxy.start({
    frontends,
    backends: frontends,
    servers: 2,
    load: { connections: 4, pauseMs: 10 },
    nodeArguments: ['--expose-gc'],
  })
  await loaded.load.call('measure')
  const rows: Row[] = []
  let first: Memory | undefined
  let done = 0
  for (const look of looks) {
    progress(`${look} switches`)
    await loaded.proxy.call('switchTimes', { times: look - done, pauseMs: 1 })
    done = look
    // What has just been let go of is still being closed.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const memory = await loaded.proxy.call<Memory>('memory')
    first ??= memory
    rows.push({
      switches: done,
      'heap MiB': memory.heap,
      'to the first': memory.heap / first.heap,
      'RSS MiB': memory.rss,
      'RSS to the first': memory.rss / first.rss,
      sockets: await loaded.proxy.call<number>('sockets'),
    })
  }
  const wrongs = new Wrongs()
  const seen = await loaded.load.call<LoadResult>('measure')
  wrongs.add(seen)
  await loaded.stop()
  return {
    title: `Memory after switches of ${frontends} frontends, no server of one version in the next`,
    rows,
    notes: [`${seen.requests} requests meanwhile; targets: 1.10 at most`],
    wrong: wrongs.counts,
    examples: wrongs.examples,
  }
}

profileProxies(values.profile)
buildPackage(values.package)
await runBench('memory-after-switches', [memoryAfterSwitches], values.json)
