import { EventEmitter } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Pair {
  readonly value: Buffer
  readonly createIndex: number
  readonly modifyIndex: number
}

/** A question as it came. */
export interface ConsulQuestion {
  readonly key: string
  readonly search: URLSearchParams
  readonly headers: IncomingMessage['headers']
}

/**
 * A stand-in for a Consul agent: its key-value store, as its API is documented (indices, blocking queries, recursion, base64,
 * ACL tokens). Consul itself is no Debian package.
 */
export class ConsulServer implements AsyncDisposable {
  readonly questions: ConsulQuestion[] = []
  /** Who asks without it gets 403. */
  token: string | undefined
  /** Keys that the token may not read are left out, which is said in a header since Consul 1.12 only. */
  mayRead: (key: string) => boolean = () => true
  saysWhatIsLeftOut = true
  /** What is answered in place of the truth; `undefined`: the truth. */
  lie: (question: ConsulQuestion, res: ServerResponse) => boolean = () => false
  readonly #pairs = new Map<string, Pair>()
  /** When keys were deleted. */
  readonly #tombs = new Map<string, number>()
  readonly #changes = new EventEmitter().setMaxListeners(0)
  readonly #server: Server
  #index = 10

  private constructor() {
    this.#server = createServer((req, res) => void this.#answer(req, res))
  }

  static async start(): Promise<ConsulServer> {
    const consul = new ConsulServer()
    await new Promise<void>((resolve) => consul.#server.listen(0, '127.0.0.1', resolve))
    return consul
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  put(key: string, value: string | Buffer): void {
    this.#index += 1
    const createIndex = this.#pairs.get(key)?.createIndex ?? this.#index
    this.#pairs.set(key, { value: Buffer.from(value), createIndex, modifyIndex: this.#index })
    this.#changes.emit('change')
  }

  delete(key: string): void {
    if (!this.#pairs.delete(key)) return
    this.#index += 1
    this.#tombs.set(key, this.#index)
    this.#changes.emit('change')
  }

  /** Begins anew with these keys, at a low index, as a restored one does. */
  restore(pairs: Readonly<Record<string, string>>): void {
    this.#pairs.clear()
    this.#tombs.clear()
    this.#index = 1
    for (const [key, value] of Object.entries(pairs)) this.put(key, value)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams: search } = new URL(req.url ?? '/', this.url)
    const key = decodeURIComponent(pathname.replace('/v1/kv/', ''))
    const question = { key, search, headers: req.headers }
    this.questions.push(question)
    if (this.lie(question, res)) return
    if (this.token !== undefined && req.headers['x-consul-token'] !== this.token) {
      res.writeHead(403).end('Permission denied: token with AccessorID lacks permission "key:read"')
      return
    }
    if (req.method === 'PUT') {
      const chunks: Buffer[] = []
      for await (const chunk of req) chunks.push(chunk as Buffer)
      this.put(key, Buffer.concat(chunks))
      res.end('true')
      return
    }
    if (req.method === 'DELETE') {
      this.delete(key)
      res.end('true')
      return
    }
    await this.#wait(question, res)
    this.#read(question, res)
  }

  /** A blocking query: until its index is exceeded, or its time is over, or its client has left. */
  async #wait(question: ConsulQuestion, res: ServerResponse): Promise<void> {
    const index = Number(question.search.get('index') ?? 0)
    const [, wait = '300', unit = 's'] = /^(\d+)(ms|s|m)$/.exec(question.search.get('wait') ?? '') ?? []
    const waitMs = Number(wait) * { ms: 1, s: 1_000, m: 60_000 }[unit as 'ms' | 's' | 'm']
    if (index <= 0 || this.#found(question).index > index) return
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#changes.off('change', look)
        resolve()
      }
      const look = () => {
        // An index that went back wakes too: the store was restored.
        if (this.#found(question).index > index || this.#index < index) end()
      }
      // Held back for up to a sixteenth more.
      const timer = setTimeout(end, waitMs * (1 + Math.random() / 16))
      this.#changes.on('change', look)
      res.on('close', end)
    })
  }

  #read(question: ConsulQuestion, res: ServerResponse): void {
    const { index, pairs: all } = this.#found(question)
    const pairs = all.filter(([name]) => this.mayRead(name))
    if (pairs.length < all.length && this.saysWhatIsLeftOut)
      res.setHeader('X-Consul-Results-Filtered-By-ACLs', 'true')
    res.setHeader('X-Consul-Index', String(index))
    res.setHeader('X-Consul-KnownLeader', 'true')
    res.setHeader('X-Consul-LastContact', '0')
    res.setHeader('Content-Type', 'application/json')
    if (pairs.length === 0) res.writeHead(404).end()
    else if (question.search.has('keys')) res.end(JSON.stringify(namesOf(pairs, question)))
    else
      res.end(
        JSON.stringify(
          pairs.map(([Key, { value, createIndex, modifyIndex }]) => ({
            LockIndex: 0,
            Key,
            Flags: 0,
            Value: value.length === 0 ? null : value.toString('base64'),
            CreateIndex: createIndex,
            ModifyIndex: modifyIndex,
          })),
        ),
      )
  }

  /** Of a key its own index, of what begins with one the newest, deletions included; of nothing that of the whole store. */
  #found({ key, search }: ConsulQuestion): { index: number; pairs: (readonly [string, Pair])[] } {
    const isTree = search.has('recurse') || search.has('keys')
    const isIt = isTree ? (name: string) => name.startsWith(key) : (name: string) => name === key
    const pairs = [...this.#pairs].filter(([name]) => isIt(name)).sort(([a], [b]) => (a < b ? -1 : 1))
    const buried = isTree ? [...this.#tombs].filter(([name]) => isIt(name)) : []
    const newest = Math.max(0, ...pairs.map(([, pair]) => pair.modifyIndex), ...buried.map(([, at]) => at))
    return { index: newest || this.#index, pairs }
  }
}

/** Keys up to the separator, each once. */
function namesOf(pairs: readonly (readonly [string, Pair])[], { key, search }: ConsulQuestion): string[] {
  const separator = search.get('separator') ?? ''
  const names = pairs.map(([name]) => {
    const end = separator === '' ? -1 : name.indexOf(separator, key.length)
    return end === -1 ? name : name.slice(0, end + separator.length)
  })
  return [...new Set(names)]
}
