import { findEtcd } from './etcd-binaries.js'

/** Gets etcd once, before any test: a download must not fall into some test's time. A run without etcd fails here, and says what to do. */
export default async function setup(): Promise<void> {
  await findEtcd()
}
