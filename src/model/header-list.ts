/**
 * The header lines of one message, in their order and letter case. All methods ignore the case of header names.
 *
 * @example
 * onRequest: ({ headers }) => {
 *   headers.set('X-Tenant', headers.get('X-Org') ?? 'none')
 *   headers.delete('Cookie')
 * }
 */
export interface HeaderList {
  /**
   * Returns the values of all header lines of a name, joined by `, `. Returns `undefined` if there is none. For `Set-Cookie` use
   * `getAll`.
   */
  get(name: string): string | undefined
  /**
   * Returns the value of each header line of a name. Read `Set-Cookie` by this method: its dates contain commas, so joined values
   * could not be separated again (RFC 9110, 5.3).
   */
  getAll(name: string): string[]
  /**
   * Replaces all header lines of a name with one line for each value. In a request this also removes look-alikes that the client
   * has sent: a server may read `X_User` as `X-User` (option `underscoreHeaders`).
   *
   * @throws ProxyError `PROXY_HOOK_FAILED` if only the proxy may write this header, or if HTTP does not allow the name or the value
   */
  set(name: string, value: string | readonly string[]): void
  /** Adds one header line. Like `set`, it removes look-alikes that the client has sent. @throws ProxyError `PROXY_HOOK_FAILED` */
  append(name: string, value: string): void
  /**
   * Removes all header lines of a name. Like `set`, it also removes look-alikes that the client has sent.
   *
   * @throws ProxyError `PROXY_HOOK_FAILED` if only the proxy may write this header
   */
  delete(name: string): void
}
