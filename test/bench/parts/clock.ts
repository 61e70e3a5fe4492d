/** Milliseconds by a clock that all processes of a machine share; `performance.now` starts anew in each. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000
}
