import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EtcdHeartbeat } from '../../../src/providers/etcd/etcd-heartbeat.js'

describe('a heartbeat', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('asks every five seconds, and is content with any answer', () => {
    const ask = vi.fn()
    const onSilence = vi.fn()
    const heartbeat = new EtcdHeartbeat(ask, onSilence)
    for (let beat = 1; beat <= 10; beat++) {
      vi.advanceTimersByTime(5_000)
      expect(ask).toHaveBeenCalledTimes(beat)
      heartbeat.heard()
    }
    expect(onSilence).not.toHaveBeenCalled()
    heartbeat.stop()
  })

  it('notices silence eight seconds after the last sign of life at most, and once', () => {
    const onSilence = vi.fn()
    new EtcdHeartbeat(() => {}, onSilence)
    vi.advanceTimersByTime(7_999)
    expect(onSilence).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(onSilence).toHaveBeenCalledExactlyOnceWith(new Error('no sign of life within 3000 ms'))
    vi.advanceTimersByTime(60_000)
    expect(onSilence).toHaveBeenCalledOnce()
  })

  it('leaves nothing behind when it is stopped, also while an answer is due', () => {
    const onSilence = vi.fn()
    const heartbeat = new EtcdHeartbeat(() => {}, onSilence)
    vi.advanceTimersByTime(6_000)
    heartbeat.stop()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(60_000)
    expect(onSilence).not.toHaveBeenCalled()
  })
})
