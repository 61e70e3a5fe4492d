import { afterAll, beforeAll, describe, it } from 'vitest'
import { API_FAULTS, expectSwitchOutlivesOutage } from '../support/api-outage.js'
import { EtcdServer } from '../support/etcd-server.js'

// P2, P3 and P7 in docs/promises.md.

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await EtcdServer.start()
})
afterAll(() => etcd?.stop())

describe.concurrent('a switch while for 30 s the config API', () => {
  it.each(Object.keys(API_FAULTS))(
    '%s: the old configuration serves, it is told once, and the switch follows by itself',
    { timeout: 90_000 },
    (fault) => expectSwitchOutlivesOutage(etcd, fault, 30_000),
  )
})
