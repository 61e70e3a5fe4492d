import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProxy, FileProvider } from 'switchover'
import { expect, it, onTestFinished } from 'vitest'
import { httpGet } from '../support/http-get.js'
import { startNamed } from '../support/live-engine.js'
import { nextEvent } from '../support/next-event.js'

/** So many frontends beside the one that is asked for. */
const OTHERS = 2_000

function rules(version: string, url: string): string {
  const backend = `version = "${version}"\n[backends.web.servers.one]\nurl = "${url}"\n`
  const frontend = (name: string, rule: string) =>
    `[frontends.${name}]\nbackend = "web"\n[frontends.${name}.routes.main]\nrule = "${rule}"\n`
  const others = Array.from({ length: OTHERS }, (_, at) => frontend(`other-${at}`, `Host:other-${at}.test`))
  // Whoever reads half of it has everything but the last.
  return [backend, ...others, frontend('web', 'PathPrefix:/')].join('')
}

it('a rules file that is cut, restored, rewritten and replaced under load: nobody sees anything but the old and the new', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rewritten-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const filename = join(folder, 'rules.toml')
  const [one, two] = [await startNamed('one'), await startNamed('two')]
  await writeFile(filename, rules('one', one.url))
  const proxy = createProxy({ providers: [new FileProvider({ filename })] })
  onTestFinished(() => proxy.close())
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()

  const seen = new Map<string, number>()
  let isOver = false
  const client = async () => {
    while (!isOver) {
      const { status, body } = await httpGet({ port })
      const answer = `${status} ${body}`
      seen.set(answer, (seen.get(answer) ?? 0) + 1)
    }
  }
  const clients = Promise.all([client(), client(), client()])
  const switched = (version: string) =>
    nextEvent(proxy, 'configChanged', (event) => event.version === version)

  // Cut in the middle, and whole again before it has been left alone for long enough.
  await truncate(filename, 40_000)
  const restored = switched('two')
  await writeFile(filename, rules('two', two.url))
  await restored
  // Written beside, and put in its place.
  const replaced = switched('three')
  await writeFile(`${filename}.new`, rules('three', one.url))
  await rename(`${filename}.new`, filename)
  await replaced
  // Rubbish: the old one goes on serving.
  const refused = nextEvent(proxy, 'configRejected')
  await writeFile(filename, 'this is no = [ document')
  expect((await refused).error.message).toMatch(/rules\.toml:1:/)
  const mended = switched('four')
  await writeFile(filename, rules('four', two.url))
  await mended

  isOver = true
  await clients
  expect([...seen.keys()].sort()).toEqual(['200 one', '200 two'])
})
