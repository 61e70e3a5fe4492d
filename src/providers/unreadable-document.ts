import { asError, ProxyError } from '../model/errors.js'

/**
 * Returns the error for a document that threw when it was read. The getters of a document may throw any value, which must not
 * block later deliveries.
 */
export function unreadableDocument(thrown: unknown): ProxyError {
  const message = thrown instanceof Error ? asError(thrown).message : 'the document cannot be read'
  return new ProxyError('PROXY_INTERNAL', message, { cause: thrown })
}

/** Returns the `version` of a document, which may be any value; undefined if `version` is not a text or cannot be read. */
export function versionOf(document: unknown): string | undefined {
  try {
    const { version } = document as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}
