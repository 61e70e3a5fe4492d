import { request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly text: string
}

/**
 * One HTTP request to etcd on a connection of its own: after a kill or a pause there is no pooled connection
 * that is dead without anybody knowing, and none keeps the test process alive.
 */
export function ask(port: number, path: string, timeoutMs: number, body?: unknown): Promise<Answer> {
  const method = body === undefined ? 'GET' : 'POST'
  const options = { host: '127.0.0.1', port, path, method, agent: false as const }
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => req.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    const fail = (cause: Error) => {
      clearTimeout(late)
      reject(new Error(`etcd on port ${port}, ${method} ${path}: ${cause.message}`, { cause }))
    }
    const req = request(options, (res) => {
      let text = ''
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => {
        text += chunk
      })
      res.on('error', fail)
      res.on('end', () => {
        clearTimeout(late)
        resolve({ status: res.statusCode ?? 0, text })
      })
    })
    req.on('error', fail)
    req.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/**
 * A call of etcd's JSON gateway. What it answers is only looked at by tests, so its shape is taken on trust.
 */
export async function call<T>(port: number, path: string, body: object, timeoutMs = 5000): Promise<T> {
  const { status, text } = await ask(port, path, timeoutMs, body)
  if (status !== 200) throw new Error(`etcd on port ${port}, POST ${path} answered ${status}: ${text.trim()}`)
  return JSON.parse(text) as T
}

/** Keys and values are bytes to etcd, and base64 in its JSON. */
export function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

export function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

/**
 * Whether the etcd of this name serves: its health endpoint answers after a linearizable read, and the name
 * tells it from another etcd that took the port first.
 */
export async function isServing(port: number, name: string, timeoutMs: number): Promise<boolean> {
  try {
    const health = await ask(port, '/health', timeoutMs)
    if (health.status !== 200 || String(JSON.parse(health.text).health) !== 'true') return false
    const list = await call<{ members?: { name?: string }[] }>(port, '/v3/cluster/member/list', {}, timeoutMs)
    return list.members?.some((member) => member.name === name) ?? false
  } catch {
    return false
  }
}
