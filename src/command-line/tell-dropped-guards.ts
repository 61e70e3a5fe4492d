import { describeDroppedGuards, droppedGuardsIn, ToldGuards } from '../model/dropped-guards.js'
import type { ReverseProxy } from '../proxy/reverse-proxy.js'
import type { Terminal } from './terminal.js'

/** Prints which guards a proxy serves without, on the standard error stream, whatever the log level: each set once. */
export function tellDroppedGuards(proxy: ReverseProxy, terminal: Terminal): void {
  const told = new ToldGuards()
  proxy.on('configChanged', ({ provider, warnings }) => {
    const paths = droppedGuardsIn(warnings)
    if (told.isNew(provider, paths)) terminal.fail(`warning: ${describeDroppedGuards(provider, paths)}`)
  })
}
