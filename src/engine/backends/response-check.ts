import type { Duplex } from 'node:stream'
import { quote } from '../../base/messages.js'
import type { HealthCheck } from '../../model/config.js'
import type { RawFields } from '../headers/raw-fields.js'
import type { ResponseController, ResponseHandler } from '../upstream/server-connection.js'
import type { Upstream } from '../upstream/upstream.js'
import { type Check, type Finding, findingOf } from './finding.js'

/** The number of bytes of a response's body in which the health check looks for the expected text. */
const MAX_BODY = 64 * 1024

/**
 * A health check that tests whether a server gives the expected response. Each check opens a connection of its own, because an
 * open connection does not prove that the server still accepts new ones.
 */
export class ResponseCheck implements Check, ResponseHandler {
  readonly finding: Promise<Finding>
  readonly #upstream: Upstream
  readonly #isExpected: (status: number) => boolean
  readonly #text: string | undefined
  /** The text in UTF-8, each byte as one character, as the body is kept. */
  readonly #needle: string
  #resolve: (finding: Finding) => void = () => {}
  #controller: ResponseController | undefined
  #body = ''

  constructor(
    upstream: Upstream,
    path: string,
    headers: string[],
    { status = '200-399', body }: HealthCheck,
  ) {
    this.#upstream = upstream
    this.#isExpected = expecting(status)
    this.#text = body
    this.#needle = Buffer.from(body ?? '').toString('latin1')
    this.finding = new Promise((resolve) => {
      this.#resolve = resolve
    })
    upstream.dispatch({ method: 'GET', path, headers, body: null, upgrade: null }, this, true)
  }

  end(): void {
    this.#controller?.abort(new Error('the health check is over'))
    void this.#upstream.destroy()
  }

  onRequestStart(controller: ResponseController): void {
    this.#controller = controller
  }

  onResponseStart(_controller: ResponseController, status: number): void {
    if (status < 200) return
    if (!this.#isExpected(status)) this.#resolve(`its health check was answered with ${status}`)
    else if (this.#text === undefined) this.#resolve(undefined)
  }

  onResponseData(_controller: ResponseController, chunk: Buffer): void {
    if (this.#text === undefined || this.#body.length > MAX_BODY) return
    this.#body += chunk.toString('latin1')
    if (this.#body.includes(this.#needle)) this.#resolve(undefined)
  }

  onResponseEnd(): void {
    this.#resolve(
      this.#text === undefined
        ? undefined
        : `the body of its health check does not hold ${quote(this.#text)}`,
    )
  }

  onResponseError(error: Error): void {
    this.#resolve(findingOf(error))
  }

  onRequestUpgrade(_fields: RawFields, socket: Duplex): void {
    socket.destroy()
    this.#resolve('its health check was answered with another protocol')
  }
}

/**
 * Returns a function that tests a status against a list such as `200-399` or `200,204`. Validation of the document has checked
 * the form of the list.
 */
function expecting(text: string): (status: number) => boolean {
  const ranges = text.split(',').map((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return [from, to] as const
  })
  return (status) => ranges.some(([from, to]) => status >= from && status <= to)
}
