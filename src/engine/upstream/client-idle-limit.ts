/**
 * Sets the idle timeout of an undici client that exists already. If the server has asked for a shorter time in a `Keep-Alive`
 * header, that shorter time stays.
 *
 * undici has no setter for the timeout, so this function finds the timeout's fields by the names of undici's symbols. If a later
 * undici renames the symbols, the client keeps its old timeout. An authenticated connection may then close earlier, and its
 * client must log in again.
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
