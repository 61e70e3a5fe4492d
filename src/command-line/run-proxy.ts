import { resolve } from 'node:path'
import { maskCredentials } from '../base/credentials.js'
import { asError, ProxyError } from '../model/errors.js'
import { createProxy } from '../proxy/create-proxy.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import { type ReadStaticConfig, readStaticConfig } from '../static-config/read-static-config.js'
import type { FoundStaticConfig } from './find-static-config.js'
import { ProcessSignals } from './process-signals.js'
import { RunningProxy, tellListener, tellWarnings } from './running-proxy.js'
import { tellDroppedGuards } from './tell-dropped-guards.js'
import type { Terminal } from './terminal.js'

/** Milliseconds from the start until the terminal shows which providers have delivered no configuration yet. */
const READY_MS = 5_000

/**
 * Runs a proxy until a signal such as SIGTERM ends it.
 *
 * @returns the exit code: 0 if a signal ended the proxy, 1 if it could not start
 */
export async function runProxy(found: FoundStaticConfig, terminal: Terminal): Promise<number> {
  terminal.forgive()
  const signals = new ProcessSignals()
  try {
    return await runUntil(signals, found, terminal)
  } finally {
    signals.ignore()
  }
}

async function runUntil(
  signals: ProcessSignals,
  found: FoundStaticConfig,
  terminal: Terminal,
): Promise<number> {
  let config: ReadStaticConfig
  let proxy: ReverseProxy
  try {
    config = await readStaticConfig(found.source, found.overrides)
    terminal.note(`configuration: ${describeSource(found)}`)
    tellWarnings(config, terminal)
    await config.logger?.open()
    proxy = createProxy(config.options)
    tellDroppedGuards(proxy, terminal)
  } catch (thrown) {
    terminal.fail(maskCredentials(asError(thrown).message))
    return 1
  }
  const running = new RunningProxy(proxy, config, found, terminal)
  signals.handOver(running)
  try {
    await running.begin(() => listen(proxy, config, terminal))
    tellReadiness(proxy, terminal)
    await signals.ended
    return 0
  } catch (thrown) {
    // If a signal closed the proxy before all its listeners were open, waits until the proxy has ended, and returns 0.
    if (thrown instanceof ProxyError && thrown.code === 'PROXY_CLOSED') {
      await signals.ended
      return 0
    }
    terminal.fail(maskCredentials(asError(thrown).message))
    await proxy.close({ drainMs: 0 })
    await config.logger?.close()
    return 1
  }
}

function describeSource({ source }: FoundStaticConfig): string {
  const isFile = typeof source === 'object' && 'path' in source
  return isFile ? resolve(source.path) : 'flags and environment'
}

/**
 * Opens a listener for each entry point and for the status server. Prints one line for each listener.
 *
 * @throws Error that names the address on which the proxy cannot listen
 */
async function listen(proxy: ReverseProxy, config: ReadStaticConfig, terminal: Terminal): Promise<void> {
  for (const name of config.listen) {
    const { url } = await proxy.listen(name).catch((error: Error) => {
      throw cannotListen(`the entry point ${name}`, config.entryPoints.options[name]?.address, error)
    })
    tellListener(name, url, terminal)
  }
  const { status } = config.options
  if (status?.address === undefined) return
  const { url } = await proxy.statusAddress().catch((error: Error) => {
    throw cannotListen('the status server', status.address, error)
  })
  tellListener('status', url, terminal)
}

function cannotListen(who: string, address: unknown, error: Error): Error {
  if (error instanceof ProxyError) return error
  return new Error(`${who} cannot listen on ${address}: ${error.message}`, { cause: error })
}

/**
 * Prints `ready` when all providers have delivered. If that takes too long, prints one message that names the missing providers.
 * Until then, requests that match no frontend get 503.
 */
function tellReadiness(proxy: ReverseProxy, terminal: Terminal): void {
  proxy.ready({ timeoutMs: READY_MS }).then(
    () => terminal.note('ready'),
    (thrown: unknown) => {
      const error = asError(thrown)
      if (error instanceof ProxyError && error.code === 'PROXY_CLOSED') return
      terminal.fail(maskCredentials(`${error.message}; the proxy keeps trying`))
    },
  )
}
