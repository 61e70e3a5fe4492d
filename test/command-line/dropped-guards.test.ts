import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { captured } from '../support/captured-command.js'
import { CommandChild } from '../support/command-child.js'
import { folderWith, rules } from '../support/documents.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'

const GUARD = '[frontends.web.auth.basic]\nusers = ["alice:hunter2"]\n'
const BY_PATH = 'unsupportedFields.warn = ["frontends.*.auth"]\n'
const LINE = 'warning: the configuration of file is live without its guards: frontends.web.auth'
const ANY_PORT = ['--entryPoints.http.address=127.0.0.1:0']
const EXPLAIN = ['--host', 'a.test', '--path', '/', '--client-ip', '127.0.0.1']

const children: CommandChild[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

function run(cwd: string, env: NodeJS.ProcessEnv = {}, words: readonly string[] = []): CommandChild {
  const child = new CommandChild([...ANY_PORT, ...words], { cwd, env })
  children.push(child)
  return child
}

const count = (text: string, part: string) => text.split(part).length - 1

describe('switchover run', () => {
  it.each([
    ['ERROR', {}],
    ['OFF', {}],
    ['ERROR', { NODE_NO_WARNINGS: '1' }],
  ])('prints which guards are left out at the level %s (%j), once', async (level, env) => {
    const server = await NamedServer.start('blue')
    const config = `logLevel = "${level}"\n${BY_PATH}[file]\nfilename = "rules.toml"\n`
    const cwd = await folderWith({ 'traefik.toml': config, 'rules.toml': rules(server.url) + GUARD })
    const child = run(cwd, env)
    const port = await child.port('http')
    await child.sees(/^ready$/m)
    expect((await httpGet({ port })).body.trim()).toBe('blue')
    await child.sees(new RegExp(`^${LINE}`, 'm'))
    // A reload delivers the same again, and then something else with the same guard.
    child.signal('SIGHUP')
    await child.sees(/^reloaded$/m)
    const other = await NamedServer.start('green')
    await writeFile(join(cwd, 'new'), rules(other.url, 'PathPrefix:/', 'two') + GUARD)
    await rename(join(cwd, 'new'), join(cwd, 'rules.toml'))
    await eventually(async () => (await httpGet({ port })).body.trim() === 'green', 'the next version serves')
    child.signal('SIGTERM')
    expect(await child.ended()).toBe(0)
    expect(count(child.stderr, LINE)).toBe(1)
    expect(child.stderr).not.toContain('hunter2')
    if (!('NODE_NO_WARNINGS' in env))
      expect(count(child.stderr, '[SWITCHOVER_GUARD_DROPPED] SwitchoverGuardWarning')).toBe(1)
    await Promise.all([server.close(), other.close()])
  })

  it('serves nothing of such a document with "warn", and says how its path is named', async () => {
    const config = 'logLevel = "ERROR"\nunsupportedFields = "warn"\n[file]\nfilename = "rules.toml"\n'
    const cwd = await folderWith({
      'traefik.toml': config,
      'rules.toml': rules('http://127.0.0.1:9') + GUARD,
    })
    const child = run(cwd)
    const port = await child.port('http')
    await child.sees(
      /refused: .*auth of Traefik is not supported yet, and it is a guard: .*frontends\.web\.auth/,
    )
    expect((await httpGet({ port })).status).toBe(503)
  })

  it('does not begin with such a document in the static configuration itself, nor with a path that is none', async () => {
    const own = `[file]\n${rules('http://127.0.0.1:9').replace('version = "one"\n', '')}${GUARD}`
    const warn = run(await folderWith({ 'traefik.toml': `unsupportedFields = "warn"\n${own}` }))
    expect(await warn.ended()).toBe(1)
    expect(warn.stderr).toContain('unsupportedFields.warn names its path, "frontends.web.auth"')
    const flag = ['--unsupportedFields.warn=frontends.*.atuh']
    const typo = run(await folderWith({ 'traefik.toml': own }), {}, flag)
    expect(await typo.ended()).toBe(1)
    expect(typo.stderr).toContain('"frontends.*.atuh" names no field; the nearest known one is "auth"')
    const named = run(
      await folderWith({ 'traefik.toml': own }),
      { SWITCHOVER_UNSUPPORTEDFIELDS_WARN: 'frontends.web.auth' },
      ['--logLevel=ERROR'],
    )
    await named.sees(new RegExp(`^${LINE}`, 'm'))
  })
})

describe('commands that look at documents', () => {
  const own = `[file]\n${rules('http://127.0.0.1:9').replace('version = "one"\n', '')}${GUARD}`

  it('explain prints it on the standard error stream, and its answer elsewhere', async () => {
    const folder = await folderWith({ 'traefik.toml': BY_PATH + own })
    const words = ['explain', `--configFile=${join(folder, 'traefik.toml')}`, '--json', ...EXPLAIN]
    const { exitCode, stdout, stderr } = await captured(words)
    expect(exitCode).toBe(0)
    expect(stderr).toContain(LINE)
    expect(JSON.parse(stdout).winner.frontend).toBe('web@file')
  })

  it('check takes the option of a static configuration for the document in it, and warns of the guard', async () => {
    const folder = await folderWith({
      'named.toml': BY_PATH + own,
      'word.toml': `unsupportedFields = "warn"\n${own}`,
    })
    const named = await captured(['check', join(folder, 'named.toml')])
    expect(named).toMatchObject({ exitCode: 0 })
    expect(named.stdout).toMatch(/warning: frontends\.web\.auth: auth of .* is a guard \[GUARD_DROPPED\]/)
    const word = await captured(['check', join(folder, 'word.toml')])
    expect(word).toMatchObject({ exitCode: 1 })
    expect(word.stdout).toContain('1 file: 1 issue, 0 warnings')
  })

  it('check and explain refuse it in a document alone, and convert leaves nothing out', async () => {
    const folder = await folderWith({ 'rules.toml': rules('http://127.0.0.1:9') + GUARD })
    const file = join(folder, 'rules.toml')
    expect(await captured(['check', file])).toMatchObject({ exitCode: 1 })
    expect(await captured(['explain', file, ...EXPLAIN])).toMatchObject({ exitCode: 2 })
    const { stdout } = await captured(['convert', file])
    expect(JSON.parse(stdout).frontends.web.auth).toEqual({ basic: { users: ['alice:hunter2'] } })
  })
})
