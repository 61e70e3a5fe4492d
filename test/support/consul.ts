import { ConsulServer } from './consul-server.js'

/** A Consul to test with: the one at `CONSUL_HTTP_ADDR` if that is given, else a stand-in. */
export interface TestConsul extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly token: string | undefined
  /** What answers. */
  readonly program: string
  put(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
}

/** Of `host:port`, as Consul itself takes it. */
const GIVEN = process.env['CONSUL_HTTP_ADDR']

export async function testConsul(): Promise<TestConsul> {
  const standIn = GIVEN === undefined ? await ConsulServer.start() : undefined
  const url = standIn?.url ?? (GIVEN?.includes('://') ? GIVEN : `http://${GIVEN}`)
  const token = process.env['CONSUL_HTTP_TOKEN']
  const send = async (method: string, key: string, body?: string) => {
    const headers = token === undefined ? {} : { 'x-consul-token': token }
    const response = await fetch(`${url}/v1/kv/${key}`, {
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    if (!response.ok) throw new Error(`${method} ${key}: ${response.status} ${await response.text()}`)
  }
  return {
    url,
    port: Number(new URL(url).port),
    token,
    program: standIn ? 'a stand-in for Consul' : `Consul at ${GIVEN}`,
    put: (key, value) => send('PUT', key, value),
    delete: (key) => send('DELETE', key),
    async [Symbol.asyncDispose]() {
      await standIn?.[Symbol.asyncDispose]()
    },
  }
}
