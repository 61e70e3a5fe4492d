import { parseArgs } from 'node:util'
import { fuzz } from './run.js'

const HELP = `tsx test/fuzz/fuzz.ts [options]

Damaged requests, responses and upgraded connections, clients and servers that leave at any moment, from a seed. After each
case plain requests must be answered as ever, nothing may be left of it, and nobody may have got another's bytes.

  --seconds N   how long (default 30)
  --seed N      the cases (default: of the clock; printed, so that a run can be repeated)
  --case N      this case alone
  --help        this text`

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    case: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (given.help) {
  console.log(HELP)
  process.exit(0)
}

function numberOption(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (value > 0) return value
  console.error(`--${name}: expected a number above 0, found ${text}\n\n${HELP}`)
  process.exit(2)
}

const seed = numberOption('seed', given.seed, Date.now() % 1_000_000)
const first = numberOption('case', given.case, 1)
console.log(`seed ${seed}`)
const { cases, kinds, failure } = await fuzz(
  seed,
  numberOption('seconds', given.seconds, 30),
  first,
  given.case === undefined ? Number.POSITIVE_INFINITY : 1,
)
console.log(`${cases} cases: ${JSON.stringify(kinds)}`)
console.log(failure ?? 'nothing failed')
process.exit(failure === undefined ? 0 : 1)
