import type { Limits } from '../model/limits.js'
import type { Closing } from './closing.js'
import type { EntryPointChains } from './entry-point-chains.js'
import type { Generations } from './generations.js'
import type { Forwarding } from './headers/forwarding-headers.js'
import type { EntryPointTrust } from './headers/peer-trust.js'
import type { InFlight } from './in-flight.js'
import type { LoadShedding } from './load-shedding.js'
import type { RequestReports } from './request-reports.js'
import type { Retries } from './retries.js'

/** The parts of the engine that the request pipeline uses. */
export interface PipelineParts {
  readonly reports: RequestReports
  readonly inFlight: InFlight
  readonly shedding: LoadShedding
  readonly closing: Closing
  readonly generations: Generations
  readonly trust: EntryPointTrust
  /** The middlewares of entry points. */
  readonly chains: EntryPointChains
  readonly forwarding: Forwarding
  readonly retries: Retries
  readonly limits: Limits
  /** Whether code of the application may add credentials to requests. */
  readonly mayAddCredentials: boolean
}
