import { Agent } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Said } from './authenticating-server.js'
import { type Answer, type Ask, httpGet } from './http-get.js'

/** A client with one connection, that authenticates it as a browser does. */
export class AuthenticatingClient {
  readonly user: string
  readonly agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #port: number
  readonly scheme: string

  constructor(port: number, user: string, scheme = 'NTLM') {
    this.#port = port
    this.user = user
    this.scheme = scheme
    onTestFinished(() => this.agent.destroy())
  }

  ask(ask: Partial<Ask> = {}): Promise<Answer> {
    const headers = { 'x-client': this.user, ...ask.headers }
    return httpGet({ port: this.#port, agent: this.agent, ...ask, headers })
  }

  /** What the server says of a request that it lets through. */
  async said(ask: Partial<Ask> = {}): Promise<Said> {
    const { status, body } = await this.ask(ask)
    if (status !== 200) throw new Error(`${status} ${body}`)
    return JSON.parse(body)
  }

  /** The first step. @returns what the server's challenge holds, to be repeated */
  async begin(ask: Partial<Ask> = {}): Promise<string> {
    const answer = await this.ask({
      ...ask,
      headers: { ...ask.headers, authorization: `${this.scheme} first-${this.user}` },
    })
    const challenge = answer.headers['www-authenticate'] ?? ''
    const nonce = /second-(\S+)$/.exec(challenge)?.[1]
    if (answer.status !== 401 || nonce === undefined)
      throw new Error(`${answer.status} ${challenge} ${answer.body}`)
    return nonce
  }

  /** The third step. */
  finish(nonce: string, ask: Partial<Ask> = {}): Promise<Answer> {
    return this.ask({
      ...ask,
      headers: { ...ask.headers, authorization: `${this.scheme} third-${this.user}-${nonce}` },
    })
  }

  /** All of it: unasked, challenged, challenged again. */
  async logIn(ask: Partial<Ask> = {}): Promise<Said> {
    await this.ask(ask)
    const { status, body } = await this.finish(await this.begin(ask), ask)
    if (status !== 200) throw new Error(`${status} ${body}`)
    return JSON.parse(body)
  }
}
