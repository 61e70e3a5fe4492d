import fc from 'fast-check'
import {
  type Backend,
  createProxy,
  type Frontend,
  type ProviderConfig,
  type ProxyOptions,
  StaticProvider,
  validateConfig,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import { qualifyConfig } from '../../src/model/merge-configs.js'
import { LiveDigest } from '../../src/providers/live-digest.js'
import { digestDocument } from '../../src/validation/digest-document.js'
import { validDocuments } from '../support/generated-documents.js'

const digestOf = (document: unknown) => runAtOnce(digestDocument(document))

const document = (url = 'http://10.0.0.1'): ProviderConfig => ({
  version: 'v1',
  metadata: { ticket: 'OPS-1' },
  frontends: {
    web: { backend: 'pool', rule: 'Host:a.test' },
    other: { backend: 'pool', rule: 'Host:b.test' },
  },
  backends: { pool: { servers: { one: { url } } } },
})

async function start(options: Partial<ProxyOptions> = {}, config = document()) {
  const provider = new StaticProvider({ config })
  const proxy = createProxy({ providers: [provider], ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  return { proxy, provider }
}

describe('proxy.digest', () => {
  it('is that of the document that serves', async () => {
    const { proxy, provider } = await start()
    expect(await proxy.digest('static')).toEqual(digestOf(document()))
    await provider.update(document('http://10.0.0.2'))
    expect(await proxy.digest('static')).toEqual(digestOf(document('http://10.0.0.2')))
  })

  it('is that of the document as it was delivered: what a filter adds does not count', async () => {
    const { proxy } = await start({ documentFilter: (draft) => ({ ...draft, metadata: { added: 'yes' } }) })
    expect(await proxy.digest('static')).toEqual(digestOf(document()))
  })

  it('counts what unsupportedFields leaves out', async () => {
    const web = { backend: 'pool', rule: 'Host:a.test', errors: { a: { status: ['500'] } } }
    const config = { ...document(), frontends: { web } }
    const { proxy } = await start({ unsupportedFields: 'warn' }, config)
    expect(await proxy.digest('static')).toEqual(digestOf(config))
  })

  it('has the name of a backend as the document writes it', async () => {
    const config = { ...document(), frontends: { web: { backend: 'pool@static', rule: 'Host:a.test' } } }
    const { proxy } = await start({}, config)
    expect(await proxy.digest('static')).toEqual(digestOf(config))
  })

  it('rejects for a provider that is not there or has no configuration', async () => {
    const pending = { name: 'late', start: async () => {}, stop: async () => {} }
    const proxy = createProxy({ config: document(), providers: [pending] })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.start()
    await expect(proxy.digest('statc')).rejects.toThrow(
      'there is no provider "statc"; the nearest known one is "static"',
    )
    await expect(proxy.digest('late')).rejects.toMatchObject({ code: 'PROXY_NOT_READY' })
  })

  it('is computed once: an entry that is the same object is not read again', async () => {
    const live = new LiveDigest('static')
    const config = runAtOnce(qualifyConfig(document(), 'static'))
    live.of({ config })
    const before = await live.compute()
    // An entry never changes. This one does, so that a second reading of it would show.
    Object.assign(config.backends.get('pool@static') as Backend, { slowStart: '5s' })
    Object.assign(config.frontends.get('web@static') as Frontend, { priority: 7 })
    live.of({ config })
    expect(await live.compute()).toEqual(before)
  })

  it('of a validated copy is that of the document, for 500 documents', () => {
    fc.assert(
      fc.property(validDocuments, (given) => {
        const checked = validateConfig(given)
        if (!checked.ok) throw new Error('expected a valid document')
        expect(digestOf(checked.config)).toEqual(digestOf(given))
      }),
      { numRuns: 500 },
    )
  })
})
