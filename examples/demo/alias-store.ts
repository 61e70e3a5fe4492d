import {
  AliasProvider,
  type ConfigFetcher,
  EtcdAliasProvider,
  InMemoryAliasSource,
  type Provider,
} from 'switchover'
import { EtcdServer } from '../../test/support/etcd-server.js'

/** Where the demo keeps its alias: how the operator writes it, and the provider that follows it. */
export interface AliasStore {
  readonly description: string
  write(prefix: string): Promise<void>
  provider(fetcher: ConfigFetcher): Provider
  close(): Promise<void>
}

const ALIAS_KEY = '/traefik/dev/alias'

/** @param etcd nothing: in memory; `start`: an etcd of our own; else the URL of one */
export async function openAliasStore(etcd: string | undefined): Promise<AliasStore> {
  if (etcd === undefined) return inMemory()
  if (etcd !== 'start') return inEtcd(etcd, `etcd at ${etcd}`, async () => {})
  const server = await EtcdServer.start()
  return inEtcd(server.url, `an etcd started for this at ${server.url}`, () => server.stop())
}

function inMemory(): AliasStore {
  const source = new InMemoryAliasSource()
  return {
    description: 'in memory (-- --etcd puts it into a real etcd)',
    write: async (prefix) => source.set(prefix),
    provider: (fetcher) => new AliasProvider({ source, fetcher }),
    close: async () => {},
  }
}

function inEtcd(url: string, description: string, close: () => Promise<void>): AliasStore {
  return {
    description: `${description}, key ${ALIAS_KEY}`,
    write: (prefix) => putKey(url, ALIAS_KEY, prefix),
    provider: (fetcher) => new EtcdAliasProvider({ hosts: url, aliasKey: ALIAS_KEY, fetcher }),
    close,
  }
}

/** What `etcdctl put` does, through etcd's own HTTP gateway. */
async function putKey(url: string, key: string, value: string): Promise<void> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const response = await fetch(`${url}/v3/kv/put`, {
    method: 'POST',
    body: JSON.stringify({ key: base64(key), value: base64(value) }),
    signal: AbortSignal.timeout(5_000),
  }).catch((error: Error) => {
    throw new Error(`no etcd answers at ${url}`, { cause: error })
  })
  if (!response.ok) throw new Error(`etcd at ${url} answered ${response.status} to a put`)
}
