/**
 * The CPU time that this process spends on a piece of work, in milliseconds. A busy machine does not prolong it, as it does the
 * time on the clock.
 */
export function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
