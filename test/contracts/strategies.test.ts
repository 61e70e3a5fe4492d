import fc from 'fast-check'
import type { LoadBalancer, RequestFacts } from 'switchover'
import { describe, expect, it } from 'vitest'
import { type Candidate, type Strategy, strategyTable } from '../../src/balancing/strategies.js'

/** A server whose every side a test can change. */
type FakeServer = { -readonly [K in keyof Candidate]: Candidate[K] } & { readonly name: string }

function servers(...weights: number[]): FakeServer[] {
  return weights.map((weight, index) => ({
    name: String.fromCharCode(97 + index),
    url: `http://10.0.0.${index + 1}:80`,
    weight,
    metadata: {},
    share: 1,
    isAvailable: true,
    inFlight: 0,
    latencyMs: undefined,
    failureShare: 0,
  }))
}

function make(
  method: string,
  upstreams: readonly FakeServer[],
  options: LoadBalancer = {},
): Strategy<FakeServer> {
  const factory = strategyTable().get(method)
  if (!factory) throw new Error(`there is no ${method}`)
  return factory(upstreams, { method, ...options }, { metadata: {} })
}

const factsOf = (clientAddress: string, more: Partial<RequestFacts> = {}): RequestFacts => ({
  method: 'GET',
  host: 'a.test',
  path: '/',
  query: '',
  headers: {},
  clientAddress,
  ...more,
})

const addressOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`

/** Picks one after the other, each over before the next; the name of each, or `-`. */
function picks(pick: Strategy<FakeServer>, count: number, skip?: ReadonlySet<FakeServer>): string {
  return Array.from({ length: count }, (_, index) => {
    const picked = pick(skip, factsOf(addressOf(index)))
    if (!picked) return '-'
    begin(pick, picked)
    end(pick, picked)
    return picked.name
  }).join('')
}

function begin(pick: Strategy<FakeServer>, picked: FakeServer | undefined): FakeServer {
  if (!picked) throw new Error('nothing was picked')
  picked.inFlight += 1
  pick.changed?.(picked)
  return picked
}

function end(pick: Strategy<FakeServer>, picked: FakeServer): void {
  picked.inFlight -= 1
  pick.changed?.(picked)
}

const countOf = (text: string, letter: string) => text.split(letter).length - 1
const sharesOf = (text: string, upstreams: readonly FakeServer[]) =>
  upstreams.map(({ name }) => countOf(text, name) / text.length)

describe.each([...strategyTable().keys()])('%s, as a strategy,', (method) => {
  it('picks nothing of nothing, nor when all are to be skipped, nor when none is available', () => {
    const upstreams = servers(1, 2, 3)
    expect(make(method, [])()).toBeUndefined()
    expect(make(method, upstreams)(new Set(upstreams))).toBeUndefined()
    for (const upstream of upstreams) upstream.isAvailable = false
    const pick = make(method, upstreams)
    expect(pick()).toBeUndefined()
    for (const upstream of upstreams) upstream.isAvailable = true
    expect(pick()).toBeDefined()
  })

  it('needs no facts of a request', () => {
    expect(make(method, servers(1, 1))()).toBeDefined()
  })

  it('picks one that is there, whatever is to be skipped and whatever is available, from pick to pick', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(31), fc.nat(31), fc.nat()), { maxLength: 40 }),
        (weights, rounds) => {
          const upstreams = servers(...weights)
          const pick = make(method, upstreams)
          for (const [skipped, down, client] of rounds) {
            const skip = new Set(upstreams.filter((_, index) => skipped & (1 << index)))
            upstreams.forEach((upstream, index) => {
              upstream.isAvailable = !(down & (1 << index))
            })
            const usable = upstreams.filter((upstream) => upstream.isAvailable && !skip.has(upstream))
            const picked = pick(skip, factsOf(addressOf(client & 0xffffff)))
            expect(usable.length === 0 ? [undefined] : usable).toContain(picked)
            if (!picked) continue
            begin(pick, picked)
            if (client % 2 === 0) end(pick, picked)
          }
        },
      ),
    )
  })

  it('does not make up for the time in which a server was away', () => {
    const upstreams = servers(1, 1)
    const pick = make(method, upstreams)
    const [a] = upstreams as [FakeServer]
    a.isAvailable = false
    expect(countOf(picks(pick, 1_000), 'a')).toBe(0)
    a.isAvailable = true
    // Of the next hundred not much more than what would be its at any time.
    expect(countOf(picks(pick, 100), 'a')).toBeLessThanOrEqual(method === 'first' ? 100 : 75)
  })

  it('keeps its state apart for each backend', () => {
    const [one, two] = [make(method, servers(1, 1)), make(method, servers(1, 1))]
    const alone = picks(make(method, servers(1, 1)), 1)
    if (/random|p2c/.test(method)) return
    expect(picks(one, 1) + picks(two, 1)).toBe(alone + alone)
  })
})

describe.each(['wrr', 'drr', 'random', 'consistentHash'])('%s', (method) => {
  it('shares 10,000 picks by the weights', () => {
    const upstreams = servers(5, 3, 1, 1)
    const shares = sharesOf(picks(make(method, upstreams), 10_000), upstreams)
    const tolerance = { wrr: 0, drr: 0, random: 0.03, consistentHash: 0.1 }[method] ?? 0
    for (const [index, share] of shares.entries())
      expect(Math.abs(share - [0.5, 0.3, 0.1, 0.1][index]!)).toBeLessThanOrEqual(tolerance)
  })
})

describe('wrr', () => {
  it.each([
    ['one server', [1], 'aaaa'],
    ['equal servers in turn', [1, 1, 1], 'abcabc'],
    ['a heavy server spread out, not in a row', [5, 1, 1], 'aaabaacaaabaac'],
    ['weights below one', [0.5, 0.25, 0.25], 'abacabac'],
  ])('picks %s', (_what, weights, expected) => {
    expect(picks(make('wrr', servers(...weights)), expected.length)).toBe(expected)
  })

  it('gives every server exactly its share in every window of as many picks as the weights add up to', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }), (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const row = picks(make('wrr', servers(...weights)), total * 5)
        for (let start = 0; start <= total * 4; start++) {
          const window = row.slice(start, start + total)
          expect(servers(...weights).map(({ name }) => countOf(window, name))).toEqual(weights)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('shares the picks among the others while one is skipped, and by the weights as they are now', () => {
    const upstreams = servers(5, 1, 2)
    const pick = make('wrr', upstreams)
    const row = picks(pick, 30, new Set(upstreams.slice(0, 1)))
    expect(['a', 'b', 'c'].map((name) => countOf(row, name))).toEqual([0, 10, 20])
    const [a] = upstreams as [FakeServer]
    // In its slow start.
    a.share = 0.2
    const slow = picks(pick, 400)
    expect(countOf(slow, 'a') / 400).toBeCloseTo(0.25, 1)
  })
})

describe('drr', () => {
  it('gives a server the less, the slower it is and the more of its responses fail, and all again when it is well', () => {
    const upstreams = servers(1, 1, 1)
    const [a, b, c] = upstreams as [FakeServer, FakeServer, FakeServer]
    Object.assign(a, { latencyMs: 10 })
    Object.assign(b, { latencyMs: 150 })
    Object.assign(c, { latencyMs: 10, failureShare: 0.5 })
    const pick = make('drr', upstreams)
    picks(pick, 100)
    const [shareOfA, shareOfB, shareOfC] = sharesOf(picks(pick, 3_000), upstreams) as [number, number, number]
    expect(shareOfB).toBeLessThan(0.08)
    expect(shareOfB).toBeGreaterThan(0)
    expect(shareOfC / shareOfA).toBeCloseTo(0.5, 1)
    Object.assign(b, { latencyMs: 10 })
    Object.assign(c, { failureShare: 0 })
    picks(pick, 300)
    for (const share of sharesOf(picks(pick, 3_000), upstreams)) expect(share).toBeCloseTo(1 / 3, 1)
  })
})

describe('leastConn', () => {
  it('picks whoever has the least under way for its weight, and equals in turn', () => {
    const upstreams = servers(2, 1)
    const pick = make('leastConn', upstreams)
    const row = Array.from({ length: 6 }, () => begin(pick, pick()).name).join('')
    expect([countOf(row, 'a'), countOf(row, 'b')]).toEqual([4, 2])
    const [a, b] = upstreams as [FakeServer, FakeServer]
    for (let ended = 0; ended < 4; ended++) end(pick, a)
    expect(Array.from({ length: 3 }, () => begin(pick, pick()).name).join('')).toBe('aaa')
    end(pick, b)
    end(pick, b)
    expect(pick()?.name).toBe('b')
    expect(picks(make('leastConn', servers(1, 1, 1)), 6)).toBe('abcabc')
  })

  it('counts what went to a server unasked, and is not told of strangers', () => {
    const upstreams = servers(1, 1)
    const pick = make('leastConn', upstreams)
    for (let count = 0; count < 3; count++) begin(pick, upstreams[0] as FakeServer)
    begin(pick, servers(1)[0] as FakeServer)
    expect(Array.from({ length: 3 }, () => begin(pick, pick()).name).join('')).toBe('bbb')
  })
})

describe('p2c', () => {
  it('sends next to nothing to a server that is ten times slower, and knows of requests under way', () => {
    const upstreams = servers(...Array.from({ length: 10 }, () => 1))
    for (const upstream of upstreams) upstream.latencyMs = 10
    const slow = upstreams[3] as FakeServer
    slow.latencyMs = 100
    const row = picks(make('p2c', upstreams), 10_000)
    expect(countOf(row, slow.name) / 10_000).toBeLessThan(0.02)
    slow.latencyMs = 10
    const busy = upstreams[5] as FakeServer
    busy.inFlight = 50
    expect(countOf(picks(make('p2c', upstreams), 10_000), busy.name) / 10_000).toBeLessThan(0.02)
  })
})

describe('random', () => {
  it('gives a server in its slow start its share of what would be its', () => {
    const upstreams = servers(1, 1)
    ;(upstreams[0] as FakeServer).share = 0.25
    const row = picks(make('random', upstreams), 10_000)
    expect(countOf(row, 'a') / 10_000).toBeCloseTo(0.2, 1)
  })
})

describe('first', () => {
  it('picks the first that is available, in their order', () => {
    const upstreams = servers(1, 1, 1)
    const pick = make('first', upstreams)
    expect(picks(pick, 3)).toBe('aaa')
    ;(upstreams[0] as FakeServer).isAvailable = false
    expect(picks(pick, 3)).toBe('bbb')
    ;(upstreams[0] as FakeServer).isAvailable = true
    expect(picks(pick, 3)).toBe('aaa')
  })
})

describe('consistentHash', () => {
  const KEYS = 10_000
  const homes = (upstreams: readonly FakeServer[]) => {
    const pick = make('consistentHash', upstreams)
    return Array.from({ length: KEYS }, (_, index) => {
      const picked = begin(pick, pick(undefined, factsOf(addressOf(index))))
      end(pick, picked)
      return picked.url
    })
  }

  it('sends a key to one server, and moves no more than its own keys when a server leaves', () => {
    const upstreams = servers(...Array.from({ length: 10 }, () => 1))
    const before = homes(upstreams)
    expect(homes(upstreams)).toEqual(before)
    const gone = upstreams[4] as FakeServer
    const after = homes(upstreams.filter((upstream) => upstream !== gone))
    const moved = before.filter((url, index) => url !== after[index])
    expect(new Set(moved)).toEqual(new Set([gone.url]))
    expect(moved.length / KEYS).toBeLessThanOrEqual(0.1 * 1.25)
    // One that is down for a while moves them as well, and gets them back.
    const pick = make('consistentHash', upstreams)
    gone.isAvailable = false
    expect(pick(undefined, factsOf(addressOf(before.indexOf(gone.url))))?.url).not.toBe(gone.url)
    gone.isAvailable = true
    expect(pick(undefined, factsOf(addressOf(before.indexOf(gone.url))))?.url).toBe(gone.url)
  })

  it('gives no server more than 1.25 times its share of what is under way, though all have one key', () => {
    const upstreams = servers(1, 1, 1, 1)
    const pick = make('consistentHash', upstreams)
    for (let count = 0; count < 400; count++) {
      begin(pick, pick(undefined, factsOf('10.0.0.1')))
    }
    for (const { inFlight } of upstreams) expect(inFlight).toBeLessThanOrEqual(126)
  })

  it.each([
    ['clientIp', factsOf('10.0.0.1'), factsOf('10.0.0.1', { path: '/other' })],
    // A client without an address is its peer.
    ['clientIp', factsOf('', { peerAddress: '10.0.0.1' }), factsOf('10.0.0.1')],
    ['path', factsOf('10.0.0.1', { path: '/a' }), factsOf('10.9.9.9', { path: '/a' })],
    [
      'header:X-User',
      factsOf('10.0.0.1', { headers: { 'x-user': 'u' } }),
      factsOf('10.2.0.1', { headers: { 'x-user': 'u' } }),
    ],
    [
      'cookie:sid',
      factsOf('10.0.0.1', { headers: { cookie: 'a=b; sid=7; c=d' } }),
      factsOf('10.0.3.1', { headers: { cookie: 'sid=7' } }),
    ],
  ])('hashes by %s', (hashBy, one, other) => {
    const upstreams = servers(...Array.from({ length: 50 }, () => 1))
    const pick = make('consistentHash', upstreams, { hashBy })
    const first = pick(undefined, one)
    expect(pick(undefined, other)).toBe(first)
  })
})
