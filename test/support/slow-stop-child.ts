import { createProxy, type Provider } from 'switchover'
import { ProcessSignals } from '../../src/command-line/process-signals.js'
import { RunningProxy } from '../../src/command-line/running-proxy.js'
import { Terminal } from '../../src/command-line/terminal.js'
import { readStaticConfig } from '../../src/static-config/read-static-config.js'

/** What the command line runs, with a provider that takes longer to stop than anybody waits. */
const { stdin, stdout, stderr, env } = process
const terminal = new Terminal({ stdin, stdout, stderr, env })
const signals = new ProcessSignals()
const config = await readStaticConfig({ text: '[file]\nfilename = "/nowhere/rules.toml"\n' })
const provider: Provider = {
  name: 'slow',
  start: async (sink) => void sink.update({ frontends: {}, backends: {} }),
  stop: () => {
    terminal.note('stopping')
    return new Promise(() => {})
  },
}
const proxy = createProxy({ providers: [provider] })
signals.handOver(new RunningProxy(proxy, config, { source: { text: '' }, overrides: {} }, terminal))
const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
terminal.print(`http listens on http://127.0.0.1:${port}`)
await signals.ended
