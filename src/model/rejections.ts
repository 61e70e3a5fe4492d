/**
 * Handles the rejection of a promise that a function of the application returned. Node ends the process on a rejection without a
 * handler.
 *
 * @param answer the value that the function returned, of any type
 * @param tell called with the reason of the rejection; it must not throw
 */
export function onRejected(answer: unknown, tell: (reason: unknown) => void): void {
  const mayBePromise = (typeof answer === 'object' && answer !== null) || typeof answer === 'function'
  if (mayBePromise) Promise.resolve(answer).then(undefined, tell)
}
