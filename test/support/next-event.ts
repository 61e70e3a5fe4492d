import type { ProxyEvents, ReverseProxy } from 'switchover'

/** The next event of a kind for which `accept` holds; rejects at the limit, so that no test hangs or sleeps. */
export function nextEvent<E extends keyof ProxyEvents>(
  proxy: Pick<ReverseProxy, 'on' | 'off'>,
  event: E,
  accept: (payload: ProxyEvents[E][0]) => boolean = () => true,
  limitMs = 30_000,
): Promise<ProxyEvents[E][0]> {
  return new Promise((resolve, reject) => {
    const off = () => {
      clearTimeout(timer)
      proxy.off(event, listener as never)
    }
    const timer = setTimeout(() => {
      off()
      reject(new Error(`no ${event} within ${limitMs} ms`))
    }, limitMs)
    const listener = (payload: ProxyEvents[E][0]) => {
      if (!accept(payload)) return
      off()
      resolve(payload)
    }
    proxy.on(event, listener as never)
  })
}

/** Resolves once `holds` does; asks again after every turn of the event loop, and rejects at the limit. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
