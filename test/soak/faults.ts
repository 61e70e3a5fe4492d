import type { EtcdServer } from '../support/etcd-server.js'
import { type Behaviour, drip, htmlPage, json, silent, stallAfter, status } from '../support/hostile-api.js'
import type { HostileLink } from '../support/hostile-link.js'
import type { SoakApi } from './soak-api.js'

/** Everything around the proxy that can break. */
export interface Surroundings {
  readonly etcd: EtcdServer
  readonly etcdLink: HostileLink
  readonly api: SoakApi
  readonly apiLink: HostileLink
  readonly aliasKey: string
}

export interface Fault {
  inflict(around: Surroundings): unknown
  heal(around: Surroundings): unknown
}

function ofEtcdLink(inflict: (link: HostileLink) => unknown): Fault {
  return { inflict: ({ etcdLink }) => inflict(etcdLink), heal: ({ etcdLink }) => etcdLink.mend() }
}

function ofApiLink(inflict: (link: HostileLink) => unknown): Fault {
  return { inflict: ({ apiLink }) => inflict(apiLink), heal: ({ apiLink }) => apiLink.mend() }
}

function ofApi(behaviour: Behaviour): Fault {
  return {
    inflict: ({ api }) => api.misbehave(behaviour),
    heal: ({ api, apiLink }) => {
      api.behave()
      // What hangs or drips would do so for as long as a fetch may take, though the service is well again.
      apiLink.reset()
    },
  }
}

/** Between two flips nobody else would write it: such a fault may be shorter than the time between them. */
const rewritten: Fault['heal'] = ({ etcd, aliasKey }) => etcd.put(aliasKey, '/v1')

/** What befalls etcd, the way to it, and the alias in it. A fault is added here, or below. */
export const ETCD_FAULTS: Readonly<Record<string, Fault>> = {
  'etcd is killed': { inflict: ({ etcd }) => etcd.kill(), heal: ({ etcd }) => etcd.restart() },
  'etcd is frozen': { inflict: ({ etcd }) => etcd.pause(), heal: ({ etcd }) => etcd.resume() },
  'etcd compacts while the proxy is cut off': {
    inflict: async ({ etcd, etcdLink, aliasKey }) => {
      await etcdLink.cut()
      await etcd.etcdctl('compact', String(await etcd.put(aliasKey, (await etcd.get(aliasKey)) ?? '/v1')))
      await etcd.etcdctl('defrag')
    },
    heal: ({ etcdLink }) => etcdLink.mend(),
  },
  'the link to etcd is cut': ofEtcdLink((link) => link.cut()),
  'connections to etcd are reset': ofEtcdLink((link) => link.reset()),
  'connections to etcd are cut after a few bytes': ofEtcdLink((link) => {
    link.cutAfterBytes = 200
    link.reset()
  }),
  'the link to etcd loses everything': ofEtcdLink((link) => link.drop()),
  'the link to etcd loses what goes up': ofEtcdLink((link) => link.drop(['up'])),
  'the link to etcd loses what comes down': ofEtcdLink((link) => link.drop(['down'])),
  'the link to etcd stands still': ofEtcdLink((link) => link.stall()),
  'the link to etcd is half open': ofEtcdLink((link) => link.halfOpen()),
  'the link to etcd is slow': ofEtcdLink((link) => {
    link.delayMs = 300
  }),
  'the alias is deleted': { inflict: ({ etcd, aliasKey }) => etcd.delete(aliasKey), heal: rewritten },
  'the alias is nonsense': {
    inflict: ({ etcd, aliasKey }) => etcd.put(aliasKey, '\0 ../v1'),
    heal: rewritten,
  },
  'the alias names nothing': {
    inflict: ({ etcd, aliasKey }) => etcd.put(aliasKey, '/none'),
    heal: rewritten,
  },
}

/** What befalls the config API and the way to it. */
export const API_FAULTS: Readonly<Record<string, Fault>> = {
  'the API is down': ofApiLink((link) => link.cut()),
  'the link to the API loses everything': ofApiLink((link) => link.drop()),
  'the API answers 500': ofApi(status(500, 'out of order')),
  'the API is silent': ofApi(silent),
  'the API breaks off': ofApi(stallAfter('{"frontends":{"web":')),
  'the API drips': ofApi(drip(50)),
  'the API answers HTML': ofApi(htmlPage),
  'the API answers an empty document': ofApi(json({ frontends: {}, backends: {} })),
  'the API answers for another prefix': {
    inflict: ({ api }) => api.answerForAnother(),
    heal: ({ api }) => api.behave(),
  },
}
