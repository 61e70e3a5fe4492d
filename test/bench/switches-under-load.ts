import { parseArgs } from 'node:util'
import { alternation } from './goals/alternation.js'
import { faults } from './goals/faults.js'
import { manyProxies } from './goals/many-proxies.js'
import { largeDocuments, steadyLoad } from './goals/steady-load.js'
import { buildPackage } from './parts/built-package.js'
import { profileProxies } from './parts/child.js'
import { COMMON_HELP, COMMON_OPTIONS, runBench } from './parts/command-line.js'

const HELP = `npm run bench:switches [-- OPTIONS]

What switches do to the requests of clients that never ask twice.

  G1  20 switches a second against the same load without: rates and latencies; nothing fails, mixes, or is closed
  G2  2 switches a second of 2,000 frontends and 500 backends: how long a switch holds up the event loop
  G3  to and fro between versions without a common server: nothing is left over
  G4  one write of the alias key in a real etcd, 50 proxies: how long until all have switched
  G5  the same while etcd is killed, and the API fails

  --only G1,G3     these alone
  --seconds N      of each measurement in G1, G2 and G5; default 60 (quick: 1)
  --sizes N,N      frontends in G1; default 100,1000 (quick: 100)
  --mixed          G1 with 50 streams and 50 WebSockets open all the while${COMMON_HELP}`

const { values } = parseArgs({
  options: {
    ...COMMON_OPTIONS,
    only: { type: 'string', default: 'G1,G2,G3,G4,G5' },
    seconds: { type: 'string' },
    sizes: { type: 'string' },
    mixed: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const { quick } = values
const seconds = Number(values.seconds ?? (quick ? 1 : 60))
const sizes = (values.sizes ?? (quick ? '100' : '100,1000')).split(',').map(Number)
const goals = {
  // The quick run has no other place for them.
  G1: () => steadyLoad({ quick, seconds, sizes, mixed: values.mixed || quick }),
  G2: () => largeDocuments({ quick, seconds }),
  G3: () => alternation({ switches: quick ? 100 : 1000 }),
  G4: () => manyProxies({ crowds: [1, 50], flips: quick ? 5 : 100, size: 10 }),
  G5: () => faults({ seconds: quick ? 3 : seconds }),
}

profileProxies(values.profile)
buildPackage(values.package)
const chosen = values.only.split(',').map((name) => goals[name.trim().toUpperCase() as keyof typeof goals])
await runBench('switches-under-load', chosen, values.json)
