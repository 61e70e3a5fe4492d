import { describe, expect, it, vi } from 'vitest'
import { ProxyEmitter } from '../../../src/engine/events/proxy-emitter.js'
import { catchFatal, catchWarnings } from '../../support/catch-uncaught.js'
import { routeTo, startEngine, startNamed } from '../../support/live-engine.js'
import { eventually } from '../../support/next-event.js'

const RECOVERED = { provider: 'etcd', downMs: 3 }

function raise(message: string): never {
  throw new Error(message)
}

/** What another library's promise is to Node. */
function thenable(then: (yes: () => void, no: (reason: unknown) => void) => void): unknown {
  return Object.fromEntries([['then', then]])
}

function unreadable(): Error {
  return Object.defineProperty(new Error(), 'message', { get: () => raise('never') })
}

describe('a listener that throws', () => {
  it.each([
    ['throws', () => () => raise('mine')],
    ['rejects', () => async () => raise('mine')],
    ['answers by a thenable that rejects', () => () => thenable((_, no) => no(new Error('mine')))],
    ['answers by a thenable that throws', () => () => thenable(() => raise('mine'))],
  ])('%s: harms no other listener and not the emitter, and is told as a warning', async (_, makeListener) => {
    const fatal = catchFatal()
    const warnings = catchWarnings()
    const emitter = new ProxyEmitter()
    const heard: string[] = []
    emitter.on('providerRecovered', () => void heard.push('before'))
    emitter.on('providerRecovered', makeListener() as () => void)
    emitter.once('providerRecovered', makeListener() as () => void)
    emitter.addListener('providerRecovered', () => void heard.push('after'))
    expect(emitter.emit('providerRecovered', RECOVERED)).toBe(true)
    expect(heard).toEqual(['before', 'after'])
    const told = 'SWITCHOVER_LISTENER_FAILED: a listener of providerRecovered failed: mine'
    await eventually(() => warnings.length === 2, 'both warnings')
    expect(warnings).toEqual([told, told])
    expect(fatal).toEqual([])
  })

  it("with 'throw', is thrown on the next tick, after the others were called", async () => {
    const fatal = catchFatal()
    const warnings = catchWarnings()
    const emitter = new ProxyEmitter('throw')
    const error = new Error('mine')
    const heard: string[] = []
    emitter.on('providerRecovered', () => {
      throw error
    })
    emitter.on('providerRecovered', async () => {
      throw error
    })
    emitter.on('providerRecovered', () => void heard.push('after'))
    emitter.emit('providerRecovered', RECOVERED)
    expect(heard).toEqual(['after'])
    expect(fatal).toEqual([])
    await eventually(() => fatal.length === 2, 'both errors')
    expect(fatal).toEqual([error, error])
    expect(warnings).toEqual([])
  })

  it.each([
    ['nothing', undefined, 'undefined'],
    ['a text', 'broken', 'broken'],
    ['null', null, 'null'],
    ['an object without a prototype', Object.create(null), 'something was thrown that is no error'],
    ['an error that cannot be read', unreadable(), 'an error that cannot be read'],
  ])('may throw %s', async (_, thrown, said) => {
    const warnings = catchWarnings()
    const emitter = new ProxyEmitter()
    emitter.on('providerRecovered', () => {
      throw thrown
    })
    emitter.emit('providerRecovered', RECOVERED)
    await eventually(() => warnings.length === 1, 'the warning')
    expect(warnings[0]).toBe(`SWITCHOVER_LISTENER_FAILED: a listener of providerRecovered failed: ${said}`)
  })

  it.each(['on', 'once', 'addListener'] as const)('%s refuses what is no function', (method) => {
    const emitter = new ProxyEmitter()
    for (const wrong of [undefined, null, {}, 'text'])
      expect(() => emitter[method]('providerRecovered', wrong as never)).toThrow(
        'the listener of providerRecovered: expected a function',
      )
    expect(emitter.listenerCount('providerRecovered')).toBe(0)
  })

  it('is told of ten times a minute, each by itself', async () => {
    const warnings = catchWarnings()
    const emitter = new ProxyEmitter()
    for (const name of ['one', 'two']) emitter.on('providerRecovered', () => raise(name))
    for (let time = 0; time < 25; time += 1) emitter.emit('providerRecovered', RECOVERED)
    await eventually(() => warnings.length >= 20, 'the warnings')
    await new Promise(setImmediate)
    expect(warnings.filter((text) => text.includes('one')).length).toBe(10)
    expect(warnings.filter((text) => text.includes('two')).length).toBe(10)
    expect(warnings.at(-1)).toContain('its further failures within the same minute are not reported')
  })

  it('names its own event where a listener emits another one', async () => {
    const warnings = catchWarnings()
    const emitter = new ProxyEmitter()
    emitter.on('providerUnavailable', () => raise('inner'))
    emitter.on('providerRecovered', () => {
      emitter.emit('providerUnavailable', { provider: 'etcd', error: new Error('down') })
      raise('outer')
    })
    emitter.emit('providerRecovered', RECOVERED)
    await eventually(() => warnings.length === 2, 'both warnings')
    expect(warnings.map((text) => text.replace(/^.*a listener/, ''))).toEqual([
      ' of providerUnavailable failed: inner',
      ' of providerRecovered failed: outer',
    ])
  })

  it('harms neither a swap nor a request', async () => {
    const fatal = catchFatal()
    const warnings = catchWarnings()
    const { engine, port } = await startEngine()
    for (const event of ['configChanged', 'requestFinished', 'requestFailed'] as const) {
      engine.events.on(event, () => {
        throw new Error(event)
      })
    }
    expect(await engine.apply(routeTo(await startNamed('one')))).toEqual({ generation: 1 })
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('one')
    expect((await fetch(`http://127.0.0.1:${port}/ä b`)).status).toBe(200)
    expect(await engine.apply(routeTo(await startNamed('two')))).toEqual({ generation: 2 })
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('two')
    await eventually(() => warnings.length >= 5, 'all warnings')
    expect(fatal).toEqual([])
  })
})

describe('listeners', () => {
  it('are taken off again by off and removeListener, however they were put on', () => {
    const emitter = new ProxyEmitter()
    const listener = vi.fn()
    emitter.on('providerRecovered', listener)
    emitter.off('providerRecovered', listener)
    emitter.once('providerRecovered', listener)
    emitter.removeListener('providerRecovered', listener)
    emitter.addListener('providerRecovered', listener)
    emitter.off('providerRecovered', listener)
    expect(emitter.listenerCount('providerRecovered')).toBe(0)
    expect(emitter.emit('providerRecovered', RECOVERED)).toBe(false)
    expect(listener).not.toHaveBeenCalled()
  })

  it('taken off one event stay on another', () => {
    const emitter = new ProxyEmitter()
    const listener = vi.fn()
    emitter.on('providerRecovered', listener)
    emitter.on('providerUnavailable', listener)
    emitter.off('providerUnavailable', listener)
    emitter.emit('providerRecovered', RECOVERED)
    expect(listener).toHaveBeenCalledExactlyOnceWith(RECOVERED)
  })

  it('put on by once hear one event', () => {
    const emitter = new ProxyEmitter()
    const listener = vi.fn()
    emitter.once('providerRecovered', listener)
    emitter.emit('providerRecovered', RECOVERED)
    emitter.emit('providerRecovered', RECOVERED)
    expect(listener).toHaveBeenCalledTimes(1)
  })

  it('all go at once by off without a listener', () => {
    const emitter = new ProxyEmitter()
    emitter.on('providerRecovered', vi.fn())
    emitter.on('providerRecovered', vi.fn())
    emitter.off('providerRecovered')
    expect(emitter.listenerCount('providerRecovered')).toBe(0)
  })

  it('are called with the context they were given', () => {
    const emitter = new ProxyEmitter()
    const context = { heard: 0 }
    emitter.on(
      'providerRecovered',
      function (this: typeof context) {
        this.heard += 1
      },
      context,
    )
    emitter.emit('providerRecovered', RECOVERED)
    expect(context.heard).toBe(1)
  })
})

describe('what is no function', () => {
  it.each(['on', 'once', 'addListener'] as const)('is refused by %s, and nothing listens', (method) => {
    const emitter = new ProxyEmitter()
    for (const [listener, found] of [
      [5, 'number 5'],
      [undefined, 'nothing'],
      ['log', 'string "log"'],
    ] as const)
      expect(() => emitter[method]('providerRecovered', listener as never)).toThrow(
        expect.objectContaining({
          code: 'PROXY_OPTION_INVALID',
          message: `the listener of providerRecovered: expected a function, found ${found}`,
        }),
      )
    expect(emitter.emit('providerRecovered', RECOVERED)).toBe(false)
  })
})
