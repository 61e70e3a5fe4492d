import type { Field, Flaw } from '../base/field-kinds.js'
import type { Frontend } from '../model/config.js'
import { asError } from '../model/errors.js'
import type { Middleware, MiddlewareTools } from '../model/middleware.js'
import type { RequestFacts } from '../model/request-facts.js'

/**
 * A kind of middleware: the field of a frontend that asks for it, and how it is made. The option `middlewares` of `createProxy`
 * takes kinds of the application. Their middlewares run behind those of the proxy, in the order of the list.
 *
 * @example
 * ```ts
 * const maintenance: MiddlewareKind<boolean> = {
 *   field: 'maintenance',
 *   schema: { meaning: 'Answers with 503.', expected: 'true or false', is: (value) => typeof value === 'boolean' },
 *   compile: (isOn) => ({
 *     name: 'maintenance',
 *     onRequest: () => (isOn ? { status: 503, headers: { 'Retry-After': '60' }, body: 'Back soon.\n' } : undefined),
 *   }),
 * }
 * ```
 */
export interface MiddlewareKind<C = unknown> {
  /** The name of the field. It must not be that of a field that the proxy has. */
  readonly field: string
  /** What the field may hold. */
  readonly schema: {
    /** What the field does, in whole sentences. */
    readonly meaning: string
    /** What is expected, in messages about a wrong value: `true or false`. */
    readonly expected: string
    /** Returns whether a value is right. `null` never comes here: it asks for nothing. */
    readonly is: (value: unknown) => boolean
    /** What happens without the field, if it guards. Such a field is never dropped. */
    readonly guard?: string
    /** Whether the value is a secret: messages about a wrong value do not show it. */
    readonly isSecret?: true
  }
  /**
   * Makes the middleware of one frontend, once for each configuration in which the frontend has changed. If it throws, the
   * configuration is refused.
   *
   * @param before the middleware of the same frontend and field in the configuration before. Take over its state here.
   */
  compile(config: C, tools: MiddlewareTools, before: Middleware | undefined): Middleware
  /**
   * Returns what the middleware would say of a request, as far as that is known without the request itself. Explanations show it.
   *
   * @param peerAddress the address at the other end of the client's connection
   */
  explain?(config: C, facts: RequestFacts, peerAddress: string): Explained | undefined
}

/** What is known of a middleware's verdict without a request. */
export interface Explained {
  /** The verdict in words, such as `lets 10.0.0.7 pass`. */
  readonly verdict: string
  /** The response of the middleware. Absent if the request goes on. */
  readonly answer?: { readonly status: number; readonly location?: string }
}

/** What a built-in middleware is compiled from: a frontend and what its rules say, or an entry point. */
export interface ChainSource {
  readonly name: string
  readonly config: Pick<Frontend, 'whiteList'>
  /** Returns the path with the other slash form, to which the client is sent. */
  readonly otherSlash: ((path: string) => string | undefined) | undefined
}

/** The name of the row for the hooks `onRequest` and `onResponse`. */
export const HOOKS = 'hooks'

/** A row of the table of middlewares. Most rows belong to a field of frontends; some come from the rules of a frontend. */
export interface Row<C = unknown> extends Omit<MiddlewareKind<C>, 'schema' | 'explain'> {
  /** How a document declares the field. Absent for a row that has no field. */
  readonly schema?: Field
  /** Whether entry points may ask for it too, by an option of the same name. */
  readonly isForEntryPoints?: true
  /** Returns what the middleware is compiled from. `undefined` if the frontend does not ask for it. */
  of(source: ChainSource): C | undefined
  explain(config: C, facts: RequestFacts, peerAddress: string): Explained | undefined
  /** Returns what is wrong with a value that was not validated, such as one of `Router.compile`. */
  flaws?(config: C): readonly Flaw[]
}

/** Returns the kind of an application as a row of the table. */
export function rowOf(kind: MiddlewareKind): Row {
  return {
    field: kind.field,
    of: ({ config }) => {
      const fields = config as unknown as Readonly<Record<string, unknown>>
      return Object.hasOwn(fields, kind.field) ? (fields[kind.field] ?? undefined) : undefined
    },
    compile: (config, tools, before) => kind.compile(config, tools, before),
    explain: (config, facts, peerAddress) => {
      try {
        return kind.explain?.(config, facts, peerAddress)
      } catch (thrown) {
        return { verdict: `its explain failed: ${asError(thrown).message}` }
      }
    },
  }
}
