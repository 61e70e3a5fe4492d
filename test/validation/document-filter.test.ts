import { createProxy, type DocumentFilter, type ProviderConfig, ProxyError, StaticProvider } from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nextEvent } from '../support/next-event.js'

const document = (url = 'http://10.0.0.1'): ProviderConfig => ({
  version: 'v1',
  frontends: { web: { backend: 'pool', rule: 'Host:a.test' } },
  backends: { pool: { servers: { one: { url } } } },
})

const ISSUE = { path: 'backends.pool', code: 'INVALID_VALUE', message: 'expected two servers' } as const

const START = document('http://10.0.0.9')

/** A proxy whose filter leaves the first document alone. */
async function startFiltered(filter: DocumentFilter, options: object = {}) {
  const provider = new StaticProvider({ config: START })
  let isFirst = true
  const documentFilter: DocumentFilter = (given, context) => {
    if (!isFirst) return filter(given, context)
    isFirst = false
    return given
  }
  const proxy = createProxy({ providers: [provider], documentFilter, status: {}, ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  return { proxy, provider }
}

/** Delivers a document and returns the issues with which it was refused. */
async function issuesWith(filter: DocumentFilter, given: unknown = document()) {
  const { proxy, provider } = await startFiltered(filter)
  const rejected = nextEvent(proxy, 'configRejected')
  const delivery = await provider.update(given as ProviderConfig)
  const { error, ...names } = await rejected
  expect(delivery).toMatchObject({ state: 'refused', issues: error.issues })
  expect(proxy.state).toMatchObject({ generation: 1 })
  return { issues: error.issues, names }
}

describe('documentFilter', () => {
  it('changes each document before it is validated, and the step is timed', async () => {
    const { proxy, provider } = await startFiltered((draft, { provider: name }) => {
      for (const backend of Object.values(draft.backends ?? {}))
        if (backend) backend.metadata = { from: name }
      return draft
    })
    const seen: unknown[] = []
    proxy.on('serverDown', (event) => seen.push(event))
    const changed = nextEvent(proxy, 'configChanged')
    const given = document()
    expect(await provider.update(given)).toMatchObject({ state: 'live', generation: 2 })
    expect(Object.keys((await changed).steps)).toEqual(['filter', 'validate', 'merge', 'compile', 'swap'])
    expect(given).toEqual(document())
  })

  it('is no step where there is none', async () => {
    const proxy = createProxy({ config: START })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    const changed = nextEvent(proxy, 'configChanged')
    await proxy.ready()
    expect(Object.keys((await changed).steps)).toEqual(['validate', 'merge', 'compile', 'swap'])
  })

  it('may make a document that validation refuses, by its path', async () => {
    const { issues } = await issuesWith((draft) => ({ ...draft, backends: {} }))
    expect(issues).toMatchObject([{ path: 'frontends.web.backend', code: 'MISSING_BACKEND' }])
  })

  it.each<[string, DocumentFilter, string]>([
    [
      'throws',
      () => {
        throw new Error('DB_HOST is not set')
      },
      'documentFilter threw: DB_HOST is not set',
    ],
    ['returns nothing', () => undefined, 'expected documentFilter to return the document, found nothing'],
    ['returns a text', () => 'x', 'expected documentFilter to return the document, found a text'],
    [
      'answers by a promise',
      async () => {
        throw new Error('later')
      },
      'expected documentFilter to return the document, found a promise',
    ],
  ])(
    'that %s refuses the document, and the provider and version are told',
    async (_what, filter, message) => {
      const { issues, names } = await issuesWith(filter)
      expect(issues).toEqual([{ path: '', code: 'FILTER_FAILED', message }])
      expect(names).toEqual({ provider: 'static', version: 'v1' })
    },
  )

  it('that throws issues of its own has them told', async () => {
    const { issues } = await issuesWith(() => {
      throw new ProxyError('PROXY_CONFIG_INVALID', 'policy', { issues: [ISSUE] })
    })
    expect(issues).toEqual([ISSUE])
  })

  it.each<[string, unknown]>([
    ['no list', 7],
    ['an empty list', []],
    ['a list of null', [null]],
    ['a list with a gap', Array(1).concat(ISSUE)],
    ['an issue without a message', [{ ...ISSUE, message: undefined }]],
    ['a path that is no text', [ISSUE, { ...ISSUE, path: ['backends'] }]],
  ])(
    'that throws an error whose issues are malformed refuses by its message: %s',
    async (_what, malformed) => {
      const { issues } = await issuesWith(() => {
        throw new ProxyError('PROXY_CONFIG_INVALID', 'policy', { issues: malformed as never })
      })
      expect(issues).toEqual([{ path: '', code: 'FILTER_FAILED', message: 'documentFilter threw: policy' }])
    },
  )

  it('that refuses one document for another reason has it told again, but not for the same reason', async () => {
    const reasons = ['DB_HOST is not set', 'DB_HOST is not set', 'DB_PORT is not set']
    const { proxy, provider } = await startFiltered(() => {
      throw new Error(reasons.shift())
    })
    const told: string[] = []
    proxy.on('configRejected', ({ error }) => told.push(error.issues[0]?.message ?? ''))
    while (reasons.length > 0) await provider.update(document())
    expect(told).toEqual([
      'documentFilter threw: DB_HOST is not set',
      'documentFilter threw: DB_PORT is not set',
    ])
  })

  it.each<[string, () => unknown, string, string]>([
    ['a Map', () => ({ ...document(), backends: new Map() }), 'backends', 'a Map'],
    [
      'a guard of a class',
      () => ({
        ...document(),
        frontends: {
          web: new (class {
            backend = 'pool'
          })(),
        },
      }),
      'frontends.web',
      'an object of a class',
    ],
    [
      'a guard that is not enumerable',
      () => {
        const web = { backend: 'pool', rule: 'Host:a.test' }
        Object.defineProperty(web, 'whiteList', { value: { sourceRange: ['10.0.0.0/8'] } })
        return { ...document(), frontends: { web } }
      },
      'frontends.web',
      'a field that is not enumerable',
    ],
    [
      'a circle',
      () => {
        const given: Record<string, unknown> = { ...document() }
        given['frontends'] = { web: given }
        return given
      },
      'frontends.web',
      'a value that is nested too deep',
    ],
  ])('sees plain data: %s is refused and not left out', async (_what, given, path, found) => {
    const { issues } = await issuesWith((draft) => draft, given())
    expect(issues).toEqual([{ path, code: 'INVALID_TYPE', message: `expected plain data, found ${found}` }])
  })

  it('gets a document whose names are no names of fields of objects', async () => {
    const given = JSON.parse('{"frontends": {"__proto__": {"backend": "b"}}, "backends": {}}')
    const { issues } = await issuesWith((draft) => draft, given)
    expect(issues).toMatchObject([{ path: 'frontends.__proto__', code: 'INVALID_NAME' }])
  })

  it('adds what no restart reads: the document before it is kept, and filtered again', async () => {
    const kept: unknown[] = []
    const lastGood = {
      load: async () => new Map(),
      save: async (_provider: string, { document: saved }: { document: unknown }) => void kept.push(saved),
    }
    const { provider } = await startFiltered(
      (draft) => ({ ...draft, metadata: { password: 'from the environment' } }),
      { lastGood },
    )
    await provider.update(document())
    await expect.poll(() => kept.length).toBe(2)
    expect(kept[1]).toEqual(document())
  })

  it('is asked for the option config too, which createProxy checks at once', () => {
    const documentFilter: DocumentFilter = () => {
      throw new Error('no')
    }
    expect(() => createProxy({ config: document(), documentFilter })).toThrow('documentFilter threw: no')
    expect(() => createProxy({ config: document(), documentFilter: 1 as never })).toThrow(
      'documentFilter: expected a function, found number 1',
    )
  })
})
