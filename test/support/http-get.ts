import { type Agent, type IncomingHttpHeaders, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly port: number
  /** The `Host` header. */
  readonly host?: string
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
  /** The loopback address to ask from, `127.0.1.7` for example: all of 127.0.0.0/8 is ours on Linux. */
  readonly from?: string
  readonly agent?: Agent
}

/** One request over node:http, never repeated: whatever goes wrong rejects. */
export function httpGet({
  port,
  host,
  path = '/',
  method = 'GET',
  headers,
  body,
  from,
  agent,
}: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...(host !== undefined && { host }), ...headers },
        ...(from !== undefined && { localAddress: from }),
        agent: agent ?? false,
      },
      (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () => {
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            body: Buffer.concat(chunks).toString(),
          })
        })
      },
    )
    req.on('error', reject)
    req.end(body)
  })
}
