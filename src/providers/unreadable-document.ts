import { asError, ProxyError } from '../model/errors.js'

/**
 * Returns the error for a document that cannot be read. Its getters
 * may throw anything, and that must not block later deliveries.
 */
export function unreadableDocument(thrown: unknown): ProxyError {
  const message = thrown instanceof Error ? asError(thrown).message : 'the document cannot be read'
  return new ProxyError('PROXY_INTERNAL', message, { cause: thrown })
}

/** Returns the `version` of a document that may be anything. */
export function versionOf(document: unknown): string | undefined {
  try {
    const { version } = document as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}
