import { afterEach, describe, expect, it, vi } from 'vitest'
import { KvSource } from '../../../src/providers/kv/kv-source.js'
import type { KvReading, KvStore, KvTree } from '../../../src/providers/kv/kv-store.js'

const DEBOUNCE_MS = 50
const signal = new AbortController().signal
const bytes = (text: string) => Buffer.from(text)

/** A store without an alias whose tree is read when the test says so. */
class SlowStore implements KvStore {
  readonly place = 'a store'
  /** Tells a change to what follows the newest reading. */
  changed = () => {}
  /** Whether a key changes between the end of the read and the conversion of the document. */
  changesAtOnce = false
  #give = (_tree: KvTree) => {}

  watch(): void {}
  stop(): void {}
  unfollow(): void {}
  unfollowBeside(): void {}

  async readAlias(): Promise<KvReading> {
    return { revision: 'absent' }
  }

  async readBoth(prefixOf: (alias: KvReading) => string | undefined): Promise<KvTree | undefined> {
    if (prefixOf({ revision: 'absent' }) === undefined) return undefined
    return new Promise((resolve) => {
      this.#give = resolve
    })
  }

  async readBeside(): Promise<never> {
    throw new Error('nothing stands beside a tree without an alias')
  }

  /** Ends the read under way. */
  give(): void {
    const entries = [
      { key: 'backends/web/servers/one/url', value: bytes('http://127.0.0.1:9') },
      { key: 'frontends/web/backend', value: bytes('web') },
    ]
    const follow = (changed: () => void) => {
      this.changed = changed
      if (this.changesAtOnce) changed()
    }
    this.#give({ entries, revision: '7', follow })
  }
}

function sourceOf(store: KvStore) {
  const source = new KvSource(store, {
    prefix: '/traefik',
    needsAlias: false,
    followTarget: true,
    debounceMs: DEBOUNCE_MS,
    allowEmpty: false,
    allowedPrefix: undefined,
  })
  let rings = 0
  const watcher = {
    changed: () => {
      rings += 1
    },
    unavailable: () => {},
    recovered: () => {},
  }
  return { source, watcher, rings: () => rings }
}

afterEach(() => void vi.useRealTimers())

describe('a change of a followed tree', () => {
  it('that is told while the tree is read, and that the tree already holds, is read once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const store = new SlowStore()
    const { source, watcher, rings } = sourceOf(store)
    await source.watch(watcher)
    const first = source.fetch('/traefik', { signal })
    store.give()
    await first
    store.changed()
    vi.advanceTimersByTime(DEBOUNCE_MS)
    expect(rings()).toBe(1)
    const second = source.fetch('/traefik', { signal })
    // The watch of the first reading tells of it, and its time is over before the tree has come.
    store.changed()
    vi.advanceTimersByTime(DEBOUNCE_MS)
    store.give()
    await second
    vi.advanceTimersByTime(20 * DEBOUNCE_MS)
    expect(rings()).toBe(1)
  })

  it('that comes while the tree becomes a document is read again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const store = new SlowStore()
    store.changesAtOnce = true
    const { source, watcher, rings } = sourceOf(store)
    await source.watch(watcher)
    const fetched = source.fetch('/traefik', { signal })
    store.give()
    await fetched
    vi.advanceTimersByTime(DEBOUNCE_MS)
    expect(rings()).toBe(1)
  })
})
