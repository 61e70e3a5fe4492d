/**
 * Sets the idle timeout of an undici client that exists already. If the server has named a shorter time, that time stays.
 *
 * undici has no setter for it, so this function finds the timeouts by the names of undici's symbols. If a later undici
 * renames them, its own timeout stays, and clients have to authenticate more often.
 *
 * @param client an undici `Client`
 * @param ms the idle timeout in milliseconds
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
