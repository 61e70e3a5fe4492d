import type { ChainSource, Row } from '../middlewares/middleware-kind.js'
import { type ExplainedChain, explainChain } from '../middlewares/middlewares.js'
import { ProxyError } from '../model/errors.js'
import type { Chain } from '../model/middleware.js'
import type { RequestFacts } from '../model/request-facts.js'
import { SchemaReader } from '../validation/schema-reader.js'
import type { EngineEntryPoint } from './headers/peer-trust.js'
import { compileChain } from './live-frontend.js'

type EntryPoints = Readonly<Record<string, EngineEntryPoint>>

interface Compiled {
  readonly source: ChainSource
  readonly chain: Chain
}

/** The middlewares of entry points. They see a request before it has a frontend, and each response after those of the frontend. */
export class EntryPointChains {
  readonly #rows: readonly Row[]
  #own: ReadonlyMap<string, Compiled> | undefined

  /** @throws ProxyError `PROXY_OPTION_INVALID` */
  constructor(rows: readonly Row[], entryPoints: EntryPoints = {}) {
    this.#rows = rows.filter(({ isForEntryPoints }) => isForEntryPoints)
    this.replace(entryPoints)
  }

  /**
   * Replaces the middlewares of all entry points, for requests that begin afterwards.
   *
   * @throws ProxyError `PROXY_OPTION_INVALID` that names the option; the middlewares from before stay then
   */
  replace(entryPoints: EntryPoints): void {
    const own = new Map<string, Compiled>()
    for (const [name, options] of Object.entries(entryPoints)) {
      const config = Object.fromEntries(this.#rows.map((row) => [row.field, this.#read(row, options, name)]))
      const source = { name, config, otherSlash: undefined }
      const chain = compileChain(source, this.#rows, this.#own?.get(name)?.chain)
      if (chain) own.set(name, { source, chain })
    }
    this.#own = own.size > 0 ? own : undefined
  }

  /** Returns a checked copy of what an entry point says of one middleware. */
  #read(row: Row, options: object, name: string): unknown {
    const value = (options as Readonly<Record<string, unknown>>)[row.field]
    if (value === undefined || !row.schema) return undefined
    const reader = new SchemaReader({})
    const copy = reader.read(row.schema, value, `entryPoints.${name}.${row.field}`)
    const [first] = reader.issues
    if (first) throw new ProxyError('PROXY_OPTION_INVALID', `${first.path}: ${first.message}`)
    return copy
  }

  /** Returns the chain of an entry point. @param name undefined for a listener without a name */
  at(name: string | undefined): Chain | undefined {
    return name === undefined ? undefined : this.#own?.get(name)?.chain
  }

  /** Returns what the chain of the request's entry point would say of it. Undefined if there is no chain. */
  explain(facts: RequestFacts): ExplainedChain | undefined {
    const compiled = facts.entryPoint === undefined ? undefined : this.#own?.get(facts.entryPoint)
    return compiled && explainChain(compiled.source, this.#rows, facts)
  }
}
