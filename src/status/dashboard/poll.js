/**
 * Calls `read` every `intervalMs`, but only while the section is in or near the visible area and the browser tab is in front. A
 * page that is left open must cost the proxy almost nothing.
 *
 * @param {Element} section
 * @param {number} intervalMs
 * @param {() => Promise<void>} read
 */
export function pollWhileVisible(section, intervalMs, read) {
  let near = false
  let reading = false
  const tick = async () => {
    if (!near || reading || document.visibilityState === 'hidden') return
    reading = true
    // Ignore an error of `read`, which shows its errors itself. The next tick calls `read` again.
    await read().catch(() => {})
    reading = false
  }
  new IntersectionObserver(
    (seen) => {
      near = seen.some(({ isIntersecting }) => isIntersecting)
      void tick()
    },
    { rootMargin: '200px' },
  ).observe(section)
  document.addEventListener('visibilitychange', () => void tick())
  setInterval(() => void tick(), intervalMs)
}

/**
 * Returns a debounced form of `run`. Several calls of the returned function cause only one call of `run`, `ms` milliseconds after
 * the last of them.
 *
 * @param {number} ms
 * @param {() => void} run
 */
export function debounced(ms, run) {
  /** The timer that will call `run`. @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  return () => {
    clearTimeout(timer)
    timer = setTimeout(run, ms)
  }
}

/**
 * Returns a function that calls `run` after a short delay, and never twice at the same time. Calls of the returned function
 * during the delay are merged. A call while `run` is in progress causes one more run. Calls that never stop do not delay `run`
 * forever.
 *
 * @param {number} ms the delay in milliseconds
 * @param {() => Promise<unknown>} run
 */
export function gathered(ms, run) {
  let busy = false
  let again = false
  const work = async () => {
    busy = true
    do {
      await new Promise((resolve) => setTimeout(resolve, ms))
      again = false
      await run()
    } while (again)
    busy = false
  }
  return () => {
    again = true
    if (!busy) void work()
  }
}
