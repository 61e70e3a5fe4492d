import { describe, expect, it, vi } from 'vitest'
import { ProxyEmitter } from '../../src/engine/proxy-emitter.js'
import { catchUncaught } from '../support/catch-uncaught.js'
import { eventually } from '../support/next-event.js'
import { routeTo, startEngine, startNamed } from './live-engine.js'

const RECOVERED = { provider: 'etcd', downMs: 3 }

describe('a listener that throws', () => {
  it('harms no other listener and nobody who emits; the error comes up on the next tick', async () => {
    const uncaught = catchUncaught()
    const emitter = new ProxyEmitter()
    const error = new Error('mine')
    const heard: string[] = []
    emitter.on('providerRecovered', () => heard.push('before'))
    emitter.on('providerRecovered', () => {
      throw error
    })
    emitter.once('providerRecovered', () => {
      throw error
    })
    emitter.on('providerRecovered', () => heard.push('after'))
    expect(emitter.emit('providerRecovered', RECOVERED)).toBe(true)
    expect(heard).toEqual(['before', 'after'])
    expect(uncaught).toEqual([])
    await eventually(() => uncaught.length === 2, 'both errors')
    expect(uncaught).toEqual([error, error])
  })

  it('harms neither a swap nor a request', async () => {
    const uncaught = catchUncaught()
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
    await eventually(() => uncaught.length >= 5, 'all errors')
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
    emitter.on('providerTroubled', listener)
    emitter.off('providerTroubled', listener)
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
