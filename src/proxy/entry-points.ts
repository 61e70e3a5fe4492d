import { quote } from '../base/messages.js'
import type { DataPlane } from '../engine/data-plane.js'
import { isSamePort, isSameTarget } from '../entry-points/entry-point-address.js'
import type { EntryPoint, EntryPointTable } from '../entry-points/entry-point-options.js'
import { engineOptionsOf, noEntryPoint, targetOf } from '../entry-points/entry-point-table.js'
import type { BoundAddress, CheckedListenAt } from '../entry-points/listen-at.js'
import { checkEntryPoint } from '../entry-points/listen-checks.js'
import { asError, ProxyError } from '../model/errors.js'
import { LeavingListener } from './leaving-listener.js'
import type { Listeners, OwnListener } from './listeners.js'

/** The parts of a proxy that its entry points use. */
export interface EntryPointParts {
  readonly engine: Pick<DataPlane, 'setEntryPoints' | 'inFlight'>
  readonly listeners: Listeners
  /** Whether the proxy has begun to close. */
  isClosing(): boolean
}

/** The entry points of a proxy: their options, and the listeners that the proxy has opened for them. */
export class EntryPoints {
  readonly #parts: EntryPointParts
  #table: EntryPointTable
  /** The listeners that `listen(name)` has opened. */
  #named: ReadonlyMap<string, OwnListener> = new Map()
  /** The listeners that were opened at an address that the caller has given. */
  readonly #others = new Set<OwnListener>()
  readonly #leaving = new Set<LeavingListener>()
  /** The call that was made last. Each call waits for those before it, so that none sees the half of another. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(table: EntryPointTable, parts: EntryPointParts) {
    this.#table = table
    this.#parts = parts
  }

  /** The entry points and their options. */
  get table(): EntryPointTable {
    return this.#table
  }

  /** Opens a listener at an address. @throws as `proxy.listen` does */
  listenAt({ target, entryPoint }: CheckedListenAt): Promise<BoundAddress> {
    checkEntryPoint(entryPoint, this.#table, 'listen')
    return this.#inTurn(async () => {
      this.#refuseIfClosing()
      const own = await this.#parts.listeners.open(target, entryPoint)
      this.#others.add(own)
      return own.bound
    })
  }

  /** Opens a listener at the address of an entry point. @throws as `proxy.listen` does */
  listen(name: string): Promise<BoundAddress> {
    targetOf(name, this.#table, 'listen')
    return this.#inTurn(async () => {
      this.#refuseIfClosing()
      const target = targetOf(name, this.#table, 'listen')
      const open = this.#named.get(name)
      if (open)
        throw new ProxyError(
          'PROXY_OPTION_INVALID',
          `listen: the entry point ${quote(name)} listens already, on ${open.bound.url}`,
        )
      const own = await this.#parts.listeners.open(target, name)
      this.#named = new Map(this.#named).set(name, own)
      return own.bound
    })
  }

  /**
   * Closes the listeners of an entry point.
   *
   * @returns resolves when their last connection has closed
   * @throws ProxyError `PROXY_OPTION_INVALID` if the entry point does not exist
   */
  async unlisten(name: string, drainMs: number): Promise<void> {
    const leaving = await this.#inTurn(async () => {
      const own = [...this.#named.values(), ...this.#others].filter(({ entryPoint }) => entryPoint === name)
      const already = [...this.#leaving].filter(({ entryPoint }) => entryPoint === name)
      if (own.length + already.length === 0 && !this.#table.has(name))
        throw noEntryPoint(name, this.#table, 'unlisten')
      for (const one of already) one.shorten(drainMs)
      const now = this.#leave(own, drainMs)
      await Promise.all(now.map(({ stopped }) => stopped))
      return [...now, ...already]
    })
    await Promise.all(leaving.map(({ done }) => done))
  }

  /**
   * Replaces all entry points at once, or none if an address cannot be bound.
   *
   * @param names the entry points that listen afterwards; undefined for those that listen now and remain
   * @returns the addresses of all entry points that listen by their names
   */
  replace(
    next: EntryPointTable,
    names: readonly string[] | undefined,
    drainMs: number,
  ): Promise<Record<string, BoundAddress>> {
    for (const name of names ?? []) targetOf(name, next, 'setEntryPoints: listen')
    return this.#inTurn(async () => {
      this.#refuseIfClosing()
      const wanted = new Set(names ?? [...this.#named.keys()].filter((name) => next.has(name)))
      for (const name of wanted) targetOf(name, next, 'setEntryPoints')
      const kept = this.#keptBy(wanted, next)
      const opened = await this.#openRest(wanted, kept, next)
      await Promise.all(
        this.#commit(next, new Map([...kept, ...opened]), drainMs).map(({ stopped }) => stopped),
      )
      return Object.fromEntries([...this.#named].map(([name, { bound }]) => [name, bound]))
    })
  }

  /**
   * Returns the open listeners that go on, by the name that they have then. A listener whose address another entry point takes over
   * goes on under the new name, so that no moment is without a listener there.
   */
  #keptBy(wanted: ReadonlySet<string>, next: EntryPointTable): Map<string, OwnListener> {
    const kept = new Map<string, OwnListener>()
    const free = new Set(this.#named.values())
    const keep = (name: string, own: OwnListener | undefined) => {
      if (!own) return
      kept.set(name, own)
      free.delete(own)
    }
    const isUnchanged = (name: string) => this.#table.get(name)?.address === next.get(name)?.address
    for (const name of wanted) if (isUnchanged(name)) keep(name, this.#named.get(name))
    for (const name of wanted) {
      const target = targetOf(name, next, 'setEntryPoints')
      if (!kept.has(name))
        keep(
          name,
          [...free].find((own) => isSameTarget(own.target, target)),
        )
    }
    return kept
  }

  /** Opens the listeners that are missing. If one cannot be opened, closes the others again. */
  async #openRest(
    wanted: ReadonlySet<string>,
    kept: ReadonlyMap<string, OwnListener>,
    next: EntryPointTable,
  ): Promise<ReadonlyMap<string, OwnListener>> {
    const before = this.#table
    const opened = new Map<string, OwnListener>()
    // Adds the new names before their listeners open, so that no request on them gets the trust of the whole proxy.
    this.#use(new Map([...next, ...before]))
    try {
      for (const name of wanted) {
        if (kept.has(name)) continue
        const target = targetOf(name, next, 'setEntryPoints')
        const open = this.#parts.listeners.open(target, name, next)
        opened.set(
          name,
          await open.catch((error: Error) => Promise.reject(this.#cannotListen(name, next, error))),
        )
        this.#refuseIfClosing()
      }
      for (const [name, { listener }] of kept) {
        const target = targetOf(name, next, 'setEntryPoints')
        if ('path' in target) listener.changeMode(target.mode)
      }
      return opened
    } catch (thrown) {
      this.#use(before)
      const closed = this.#leave([...opened.values()], 0)
      await Promise.all(closed.map(({ stopped }) => stopped))
      throw thrown
    }
  }

  /** Makes a new table the current one, in one step. @returns the listeners that no longer accept */
  #commit(
    next: EntryPointTable,
    named: ReadonlyMap<string, OwnListener>,
    drainMs: number,
  ): readonly LeavingListener[] {
    const before = this.#table
    const isRemoved = (name: string | undefined) => name !== undefined && before.has(name) && !next.has(name)
    const stay = new Set(named.values())
    const gone = [
      ...[...this.#named.values()].filter((own) => !stay.has(own)),
      ...[...this.#others].filter(({ entryPoint }) => isRemoved(entryPoint)),
    ]
    const leaving = this.#leave(gone, drainMs)
    for (const [name, own] of named) own.entryPoint = name
    this.#named = named
    this.#use(next)
    this.#parts.listeners.change(next, [...named.values(), ...this.#others])
    return leaving
  }

  #use(table: EntryPointTable): void {
    this.#table = table
    this.#parts.engine.setEntryPoints(engineOptionsOf(table))
  }

  /** Lets listeners stop accepting, and forgets them. */
  #leave(gone: readonly OwnListener[], drainMs: number): readonly LeavingListener[] {
    const { engine, listeners } = this.#parts
    this.#named = new Map([...this.#named].filter(([, own]) => !gone.includes(own)))
    return gone.map((own) => {
      this.#others.delete(own)
      const leaving = new LeavingListener(own.listener, own.entryPoint, engine.inFlight, drainMs)
      this.#leaving.add(leaving)
      void leaving.done.then(() => {
        this.#leaving.delete(leaving)
        listeners.own.delete(own.listener)
      })
      return leaving
    })
  }

  #cannotListen(name: string, next: EntryPointTable, error: NodeJS.ErrnoException): Error {
    if (error instanceof ProxyError) return error
    const { address = '' } = next.get(name) as EntryPoint
    const target = targetOf(name, next, 'setEntryPoints')
    const holder = [...this.#named].find(([, own]) => isSamePort(own.target, target))
    const hint = holder ? `; the entry point ${quote(holder[0])} of this proxy holds that port` : ''
    const message = `entryPoints.${name}.address: cannot listen on ${quote(address)}: ${asError(error).message}${hint}`
    return Object.assign(new Error(message, { cause: error }), { code: error.code })
  }

  #refuseIfClosing(): void {
    if (this.#parts.isClosing()) throw new ProxyError('PROXY_CLOSED')
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
