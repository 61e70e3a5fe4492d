import { describe, expect, it } from 'vitest'
import type { LiveServer } from '../../../src/engine/backends/live-server.js'
import { OutlierDetection } from '../../../src/engine/backends/outlier-detection.js'
import { ServerState } from '../../../src/engine/backends/server-state.js'

describe('outlier detection', () => {
  it('goes on counting where a generation, or new addresses, took the place of those before', () => {
    const server = () => ({ weight: 1, state: new ServerState() }) as LiveServer
    const [failing, well] = [server(), server()]
    const config = { consecutiveFailures: 1_000, failureShare: 0.5, minimumRequests: 20 }
    const judge = (count: number) => {
      const outliers = new OutlierDetection([failing, well], config)
      for (let nth = 0; nth < count; nth++) outliers.judge(failing, true)
    }
    judge(10)
    judge(9)
    expect(failing.state.isAvailable).toBe(true)
    judge(1)
    expect(failing.state.isAvailable).toBe(false)
  })
})
