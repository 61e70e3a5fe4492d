/**
 * What an exchange (a request and its response) is doing:
 *
 * - `routing`: the proxy reads the request and looks for its frontend.
 * - `in a middleware`: a middleware of the frontend answers by a promise, and has not yet.
 * - `waiting`: all servers are busy, so the request waits in the queue of its backend.
 * - `trying`: the request was given to a server, which has not answered.
 * - `responding`: the head of the response was written: that of a server, or of the proxy itself.
 * - `tunnelling`: the connection was upgraded, and bytes flow in both directions.
 * - `over`: the exchange has ended. Nothing follows.
 */
export type Phase =
  | 'routing'
  | 'in a middleware'
  | 'waiting'
  | 'trying'
  | 'responding'
  | 'tunnelling'
  | 'over'

/** The phases that may follow each phase. docs/life-of-a-request.md draws them, and a test compares the two. */
export const NEXT_PHASES: Readonly<Record<Phase, readonly Phase[]>> = {
  routing: ['in a middleware', 'waiting', 'trying', 'responding', 'over'],
  'in a middleware': ['waiting', 'trying', 'responding', 'over'],
  waiting: ['in a middleware', 'trying', 'responding', 'over'],
  trying: ['in a middleware', 'trying', 'waiting', 'responding', 'tunnelling', 'over'],
  responding: ['over'],
  tunnelling: ['over'],
  over: [],
}

/** Called at each change of a phase. */
type PhaseWatcher = (from: Phase, to: Phase) => void

let watcher: PhaseWatcher | undefined

/** Tells a watcher of every change of a phase. The tests watch for changes that `NEXT_PHASES` does not have. */
export function watchPhases(watch: PhaseWatcher | undefined): void {
  watcher = watch
}

/** Returns the next phase, and tells the watcher of the change. */
export function nextPhase(from: Phase, to: Phase): Phase {
  watcher?.(from, to)
  return to
}
