/**
 * Hears of the rejection of what a function of the host's returned, if that is a promise. A rejection that nobody hears
 * ends the process.
 *
 * @param answer what the function returned, of any type
 * @param tell called with the reason; must not throw
 */
export function onRejected(answer: unknown, tell: (reason: unknown) => void): void {
  const mayBePromise = (typeof answer === 'object' && answer !== null) || typeof answer === 'function'
  if (mayBePromise) Promise.resolve(answer).then(undefined, tell)
}
