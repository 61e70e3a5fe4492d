/**
 * Returns whether a response has no body: that to HEAD, and one whose status forbids it (RFC 9110, 6.4.1 and 15.3.6). All parts of
 * the proxy that send responses ask this function.
 */
export function hasNoBody(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 205 || status === 304
}
