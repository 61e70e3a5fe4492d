import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { fileURLToPath } from 'node:url'
import { Agent, fetch } from 'undici'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Ways } from '../support/early-answers-child.js'

/** What outside trials sent: more than the buffers of both sockets hold. */
const BODY = Buffer.alloc(5 * 1024 * 1024, 'x')
/** Sent at the same time, as a client with several uploads does. */
const AT_ONCE = 5
/** For each answer: 400 for the four codes by two clients, plain and over TLS. The other ways differ in little. */
const OFTEN = 25
const SELDOM = 5

/** Each path asks for its answer: of the proxy, or of a server that has not read the body. */
const ANSWERS = {
  '/404': '404 PROXY_NO_ROUTE',
  '/403': '403 PROXY_FORBIDDEN',
  '/413': '413 PROXY_BODY_TOO_LARGE',
  '/503': '503 PROXY_NO_SERVER',
  '/500': '500 PROXY_HOOK_FAILED',
  '/502': '502 PROXY_CONNECT_FAILED',
  '/early': '404 early',
}

const PROGRAM = fileURLToPath(new URL('../support/early-answers-child.ts', import.meta.url))
let child: ReturnType<typeof fork>
let ways: Ways

beforeAll(async () => {
  child = fork(PROGRAM, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  ;[ways] = await once(child, 'message')
}, 60_000)

afterAll(() => void child.kill('SIGKILL'))

/** Sends the body, and says what came back. */
type Post = (url: string) => Promise<string>

function startFetch(): Post {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  onTestFinished(() => dispatcher.destroy())
  return async (url) => {
    const response = await fetch(url, { method: 'POST', body: BODY, dispatcher })
    return `${response.status} ${await response.text()}`
  }
}

function startRequest(isChunked: boolean): Post {
  const [plain, secure] = [new PlainAgent({ keepAlive: true }), new SecureAgent({ keepAlive: true })]
  onTestFinished(() => {
    for (const agent of [plain, secure]) agent.destroy()
  })
  const headers = isChunked ? {} : { 'Content-Length': BODY.length }
  const options = { method: 'POST', headers, rejectUnauthorized: false }
  return (url) =>
    new Promise((resolve, reject) => {
      const request = url.startsWith('https:')
        ? secureRequest(url, { ...options, agent: secure })
        : plainRequest(url, { ...options, agent: plain })
      request.on('error', reject)
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('error', reject)
        response.on('data', (piece) => {
          text += piece
        })
        response.on('end', () => resolve(`${response.statusCode} ${text}`))
      })
      request.end(BODY)
    })
}

const CLIENTS = {
  fetch: startFetch,
  'http.request': () => startRequest(false),
  'http.request in chunks': () => startRequest(true),
}

/** What became of all of them, each with how often. */
async function postAgainAndAgain(post: Post, url: string, times: number): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {}
  for (let left = times; left > 0; left -= AT_ONCE) {
    const round = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => post(url)))
    for (const each of round) {
      const outcome = each.status === 'fulfilled' ? briefly(each.value) : codeOf(each.reason)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  }
  return outcomes
}

/** Of an answer of the proxy's that is whole, the code is its last word. */
function briefly(answer: string): string {
  return answer.replace(/^(\d+) .*\((\w+)\)\n$/s, '$1 $2')
}

function codeOf({ code, cause }: { code?: string; cause?: { code?: string } }): string {
  return `lost: ${code ?? cause?.code}`
}

describe.each(['listen', 'attach', 'attach over TLS', 'a bare handler'] as const)(
  'a client that sends 5 MB (%s)',
  (way) => {
    it.each(Object.entries(CLIENTS))(
      'gets every early answer whole by %s',
      async (client, startClient) => {
        const isMain = (way === 'listen' || way === 'attach over TLS') && client !== 'http.request in chunks'
        const times = isMain ? OFTEN : SELDOM
        const post = startClient()
        const outcomes: Record<string, unknown> = {}
        for (const path of Object.keys(ANSWERS))
          outcomes[path] = await postAgainAndAgain(post, ways[way] + path, times)
        const all = Object.entries(ANSWERS).map(([path, answer]) => [path, { [answer]: times }])
        expect(outcomes).toEqual(Object.fromEntries(all))
      },
      120_000,
    )
  },
)
