/**
 * Runs `read` every `intervalMs`, but only while the section can be seen and the tab is in front: a page left open
 * overnight should cost the proxy next to nothing.
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
    // What went wrong is shown by whoever reads; the next tick tries again.
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
 * The function, run when calls have stopped for `ms`.
 *
 * @param {number} ms
 * @param {() => void} run
 */
export function debounced(ms, run) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  return () => {
    clearTimeout(timer)
    timer = setTimeout(run, ms)
  }
}

/**
 * Runs `run` a little after it was asked for, never twice at once, and once more if it was asked for meanwhile: what
 * comes in a burst is done once, and a burst without end does not keep it from being done.
 *
 * @param {number} ms
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
