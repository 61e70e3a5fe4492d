import type { ProviderConfig } from 'switchover'
import { call, encode } from './etcd-gateway.js'
import type { EtcdServer } from './etcd-server.js'

export type Keys = Readonly<Record<string, string>>

/** What a document looks like as keys of Traefik 1.7's layout, below a prefix without its slash at the end. */
export function keysOf(document: ProviderConfig, prefix: string): Keys {
  const keys: Record<string, string> = {}
  const put = (path: string, value: unknown): void => {
    if (Array.isArray(value)) keys[path] = value.join(',')
    else if (typeof value !== 'object' || value === null) keys[path] = String(value)
    else for (const [name, part] of Object.entries(value)) put(`${path}/${fieldCase(name)}`, part)
  }
  put(prefix, document)
  return keys
}

/** Fields are in small letters there; names of frontends and the like stay. */
function fieldCase(name: string): string {
  return /^(passHostHeader|entryPoints|whiteList|sourceRange|useXForwardedFor|loadBalancer)$/.test(name)
    ? name.toLowerCase()
    : name
}

/** As many as etcd takes at once. */
const MOST_OPERATIONS = 128

/** Writes keys, as many at once as etcd takes; resolves to the last revision. */
export async function putAll(etcd: EtcdServer, keys: Keys): Promise<number> {
  const puts = Object.entries(keys).map(([key, value]) => ({
    requestPut: { key: encode(key), value: encode(value) },
  }))
  return transact(etcd, puts)
}

/** Deletes keys one by one, in their order. */
export async function deleteOneByOne(etcd: EtcdServer, keys: Keys): Promise<void> {
  for (const key of Object.keys(keys)) await etcd.delete(key)
}

/** Writes some keys and deletes others, all at one revision. */
export async function writeAtOnce(
  etcd: EtcdServer,
  keys: Keys,
  gone: readonly string[] = [],
): Promise<number> {
  const puts = Object.entries(keys).map(([key, value]) => ({
    requestPut: { key: encode(key), value: encode(value) },
  }))
  const deletions = gone.map((key) => ({ requestDeleteRange: { key: encode(key) } }))
  return transact(etcd, [...puts, ...deletions])
}

async function transact(etcd: EtcdServer, operations: readonly object[]): Promise<number> {
  let revision = 0
  for (let at = 0; at < operations.length; at += MOST_OPERATIONS) {
    const success = operations.slice(at, at + MOST_OPERATIONS)
    const answer = await call<{ header: { revision: string } }>(etcd.port, '/v3/kv/txn', { success })
    revision = Number(answer.header.revision)
  }
  return revision
}
