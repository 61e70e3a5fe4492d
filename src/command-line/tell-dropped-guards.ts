import { describeDroppedGuards, droppedGuardsIn, ToldGuards } from '../model/dropped-guards.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import type { Terminal } from './terminal.js'

/**
 * Prints a warning for each guard that the proxy leaves out of a configuration, because the option `unsupportedFields.warn` names
 * it. The warning goes to the standard error stream at any log level. Each set of guards is printed once.
 */
export function tellDroppedGuards(proxy: ReverseProxy, terminal: Terminal): void {
  const told = new ToldGuards()
  proxy.on('configChanged', ({ provider, warnings }) => {
    const paths = droppedGuardsIn(warnings)
    if (told.isNew(provider, paths)) terminal.fail(`warning: ${describeDroppedGuards(provider, paths)}`)
  })
}
