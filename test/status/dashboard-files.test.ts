import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { routeTo, startNamed } from '../support/live-engine.js'
import { startSeen } from '../support/seen-proxy.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = readdirSync(join(root, 'src/status/dashboard')).filter((name) => name !== 'tsconfig.json')

describe('the dashboard’s files', () => {
  it('are served with their types, and nothing beside them', async () => {
    const { ask } = await startSeen(routeTo(await startNamed('one')))
    const types: Readonly<Record<string, string>> = {
      html: 'text/html',
      css: 'text/css',
      js: 'text/javascript',
    }
    expect(sources.length).toBeGreaterThan(10)
    for (const name of sources) {
      const { status, headers } = await ask(`/dashboard/${name}`)
      expect([name, status]).toEqual([name, 200])
      expect(headers['content-type']).toContain(types[name.replace(/.*\./, '')])
    }
    expect((await ask('/dashboard/')).body).toContain('<!doctype html>')
    expect(await ask('/dashboard')).toMatchObject({ status: 302, headers: { location: '/dashboard/' } })
    expect((await ask('/dashboard/tsconfig.json')).status).toBe(404)
  })

  it('lie beside the built package, which serves them too', { timeout: 60_000 }, () => {
    const folder = join(root, '.cache/built')
    const rolldown = join(root, 'node_modules/.bin/rolldown')
    execFileSync(rolldown, ['-c', 'src/rolldown.config.js', '-d', folder], { cwd: root, stdio: 'ignore' })
    const program = `
      const { createProxy } = await import(${JSON.stringify(pathToFileURL(join(folder, 'index.js')).href)})
      const proxy = createProxy({
        config: { frontends: { f: { backend: 'b', rule: 'Host:a' } }, backends: { b: { servers: { s: { url: 'http://127.0.0.1:1' } } } } },
        status: { address: ':0' },
      })
      const { url } = await proxy.statusAddress()
      const answers = await Promise.all(${JSON.stringify(sources)}.map((name) => fetch(url + '/dashboard/' + name)))
      console.log(answers.filter(({ status }) => status === 200).length)
      await proxy.close()`
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root })
    expect(Number(String(printed))).toBe(sources.length)
  })
})
