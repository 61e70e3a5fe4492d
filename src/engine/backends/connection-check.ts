import { connect } from 'node:net'
import type { ConnectionOptions } from '../upstream/connector.js'
import { type Check, type Finding, findingOf } from './finding.js'

/** A health check that tests whether a server's port accepts TCP connections. */
export class ConnectionCheck implements Check {
  readonly finding: Promise<Finding>
  readonly #end: () => void

  constructor({ hostname, port, protocol }: URL, { networks }: ConnectionOptions, address?: string) {
    const defaultPort = protocol === 'https:' ? 443 : 80
    const host = address ?? hostname.replace(/^\[|\]$/g, '')
    const flaw = networks.flawOf(host)
    if (flaw) {
      this.#end = () => {}
      this.finding = Promise.resolve(flaw.message)
      return
    }
    const { lookup } = networks
    const socket = connect({ host, port: port === '' ? defaultPort : Number(port), lookup })
    this.#end = () => socket.destroy()
    this.finding = new Promise((resolve) => {
      socket.on('connect', () => resolve(undefined))
      socket.on('error', (error) => resolve(findingOf(error)))
    })
  }

  end(): void {
    this.#end()
  }
}
