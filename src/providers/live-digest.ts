import { quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { nullRecord, present } from '../base/records.js'
import { runInSlices } from '../base/run-steps.js'
import type { Backend, DocumentLabels, Frontend, ProviderConfig } from '../model/config.js'
import { ProxyError } from '../model/errors.js'
import type { MergedConfig } from '../model/merge-configs.js'
import type { DocumentDigest } from '../validation/digest-document.js'

/** A live configuration of a provider, and the document that it comes from. */
export interface DigestSource {
  readonly config: MergedConfig
  readonly labels: DocumentLabels
  /**
   * The document as it was delivered. Present only if the configuration does not show it: a filter changed it, fields were left
   * out of it, or it writes the provider's name into the name of a backend.
   */
  readonly delivered: unknown
}

/** The digests of the document of a provider that serves. */
export interface ServedDigest extends DocumentDigest {
  /** The version label of that document. Absent if it has none. */
  readonly version?: string
}

/**
 * Computes the digests of a provider's live document when somebody asks for them. An entry that did not change keeps its object
 * in each new configuration, so its digest is not computed again.
 */
export class LiveDigest {
  readonly #ending: string
  readonly #known = new WeakMap<object, string>()
  /** Each frontend with the name of its backend as the document has it, by the frontend of the configuration. */
  readonly #asWritten = new WeakMap<Frontend, Frontend>()
  #source: DigestSource | undefined
  #digest: Promise<ServedDigest> | undefined

  constructor(provider: string) {
    this.#ending = `@${provider}`
  }

  /** Takes a configuration that went live. Nothing is computed yet. */
  of(source: DigestSource): void {
    if (this.#source === source) return
    this.#source = source
    this.#digest = undefined
  }

  /**
   * Computes the digests, in slices and once for each configuration.
   *
   * @returns undefined if no configuration is live
   * @throws ProxyError `PROXY_CONFIG_INVALID` if the document has a text that is not well-formed Unicode
   */
  compute(): Promise<ServedDigest> | undefined {
    this.#digest ??= this.#source && this.#compute(this.#source)
    return this.#digest
  }

  async #compute(source: DigestSource): Promise<ServedDigest> {
    // Loaded on first use: most proxies are never asked, and `canonicalize` would load with the package.
    const { digestDocument } = await import('../validation/digest-document.js')
    const { delivered, labels } = source
    const document = delivered ?? { ...labels, ...(await runInSlices(this.#entries(source))) }
    const { digest, frontends, backends } = await runInSlices(digestDocument(document, this.#known))
    const version = present({ version: labels.version })
    // Every caller gets the same object.
    return Object.freeze({
      ...version,
      digest,
      frontends: Object.freeze(frontends),
      backends: Object.freeze(backends),
    })
  }

  /** Returns the frontends and backends as the document has them. */
  *#entries({ config }: DigestSource): Generator<void, Pick<ProviderConfig, 'frontends' | 'backends'>> {
    const frontends = nullRecord<Frontend>()
    for (const [name, frontend] of config.frontends) {
      frontends[this.#shortName(name)] = this.#written(frontend)
      yield
    }
    const backends = nullRecord<Backend>()
    for (const [name, backend] of config.backends) {
      backends[this.#shortName(name)] = backend
      yield
    }
    return { frontends, backends }
  }

  #written(frontend: Frontend): Frontend {
    let written = this.#asWritten.get(frontend)
    if (!written) {
      written = { ...frontend, backend: this.#shortName(frontend.backend) }
      this.#asWritten.set(frontend, written)
    }
    return written
  }

  /** Removes the provider from a name of one of its own entries. Names of other providers' backends stay. */
  #shortName(name: string): string {
    return name.endsWith(this.#ending) ? name.slice(0, -this.#ending.length) : name
  }
}

/**
 * Computes the digests of the live document of one of several providers.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` if no provider has the name; `PROXY_NOT_READY` if it has no live configuration;
 *   `PROXY_CONFIG_INVALID` if its document has a text that is not well-formed Unicode
 */
export async function digestOf(
  providers: readonly { readonly name: string; readonly digest: LiveDigest }[],
  name: string,
): Promise<ServedDigest> {
  const provider = providers.find((one) => one.name === name)
  if (!provider) {
    const names = providers.map((one) => one.name)
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `there is no provider ${quote(String(name))}${suggestName(String(name), names)}`,
    )
  }
  const digest = provider.digest.compute()
  if (!digest) throw new ProxyError('PROXY_NOT_READY', `the provider ${name} has no live configuration`)
  return digest
}
