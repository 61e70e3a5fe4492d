/**
 * How long a connection that exists may be idle at most, unless the server names a shorter time. undici has no setter; by these names it
 * keeps the time. Without them its own limit stays, and a client has to authenticate itself more often.
 */
export function setIdleLimit(client: object, ms: number): void {
  const limits = client as unknown as Record<symbol, number>
  const [ours, most, now] = [
    'default keep alive timeout',
    'max keep alive timeout',
    'keep alive timeout',
  ].map((name) => Object.getOwnPropertySymbols(client).find(({ description }) => description === name))
  if (!ours || !most || !now) return
  const named = limits[now] === limits[ours] ? ms : (limits[now] ?? ms)
  limits[now] = Math.min(named, ms)
  limits[ours] = ms
  limits[most] = ms
}
