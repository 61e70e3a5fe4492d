/**
 * Labels of a document, frontend, backend or server. The proxy shows them to hooks, matchers, strategies, events, logs and the
 * status API, and never interprets them.
 *
 * @example
 * ```ts
 * const metadata: Metadata = { team: 'search', ticket: 'OPS-1234' }
 * ```
 */
export type Metadata = Readonly<Record<string, string>>

/** The metadata of an entry that has none. */
export const NO_METADATA: Metadata = Object.freeze({})

/**
 * The metadata of the frontend, backend and server of a request. What has no metadata is absent.
 *
 * @example
 * ```ts
 * proxy.on('requestFinished', ({ metadata = {} }) => console.log(metadata.frontend?.['team']))
 * ```
 */
export interface EntryMetadata {
  /** The labels of the frontend. */
  readonly frontend?: Metadata
  /** The labels of the backend. */
  readonly backend?: Metadata
  /** The labels of the server. */
  readonly server?: Metadata
}

/** What may have metadata. */
interface Labelled {
  readonly metadata?: Metadata
}

/** Returns the metadata of the entries that are given. It is undefined if none has any. */
export function entryMetadata({
  frontend,
  backend,
  server,
}: {
  readonly frontend?: Labelled | undefined
  readonly backend?: Labelled | undefined
  readonly server?: Labelled | undefined
}): EntryMetadata | undefined {
  if (!isLabelled(frontend) && !isLabelled(backend) && !isLabelled(server)) return undefined
  return {
    ...(isLabelled(frontend) && { frontend: frontend.metadata }),
    ...(isLabelled(backend) && { backend: backend.metadata }),
    ...(isLabelled(server) && { server: server.metadata }),
  }
}

/** Returns whether an entry has metadata. */
export function isLabelled(entry: Labelled | undefined): entry is Required<Labelled> {
  return entry?.metadata !== undefined && entry.metadata !== NO_METADATA
}
