import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { NamedServer } from '../../examples/demo/named-server.js'
import { CommandChild } from '../support/command-child.js'
import { folderWith, rules } from '../support/documents.js'
import { httpGet } from '../support/http-get.js'
import { eventually } from '../support/next-event.js'

let blue: NamedServer
let green: NamedServer
const children: CommandChild[] = []

beforeAll(async () => {
  blue = await NamedServer.start('blue')
  green = await NamedServer.start('green')
})
afterAll(() => Promise.all([blue.close(), green.close()]))
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

function run(
  words: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): CommandChild {
  const child = new CommandChild(words, options)
  children.push(child)
  return child
}

const ANY_PORT = ['--entryPoints.http.address=127.0.0.1:0', '--web.address=:0']
const CONFIG = 'logLevel = "INFO"\n[file]\nfilename = "rules.toml"\n'
const ask = async (port: number): Promise<string> => (await httpGet({ port, path: '/' })).body.trim()

describe('switchover run', () => {
  it('listens, says where, follows its file, and drains at SIGTERM', async () => {
    const cwd = await folderWith({ 'traefik.toml': `${CONFIG}[docker]\n`, 'rules.toml': rules(blue.url) })
    const child = run(ANY_PORT, { cwd })
    const port = await child.port('http')
    const status = await child.port('status')
    await child.sees(/^ready$/m)
    expect(child.stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(child.stderr).toContain('warning: docker: this key of Traefik is not supported yet: ignored')
    expect(await ask(port)).toBe('blue')
    expect((await httpGet({ port: status, path: '/ping' })).status).toBe(200)
    await writeFile(join(cwd, 'new'), rules(green.url, 'PathPrefix:/', 'two'))
    await rename(join(cwd, 'new'), join(cwd, 'rules.toml'))
    await child.sees(/generation 2 serves: version two of file/)
    expect(await ask(port)).toBe('green')
    child.signal('SIGTERM')
    expect(await child.ended()).toBe(0)
    expect(child.stderr).toContain('closing: requests under way have 10 s')
    await expect(ask(port)).rejects.toThrow('ECONNREFUSED')
  })

  it('reloads at SIGHUP, goes on as it was if that is wrong, and names what needs a restart', async () => {
    const cwd = await folderWith({
      'traefik.toml': CONFIG,
      'rules.toml': rules(blue.url),
      'other.toml': rules(green.url, 'PathPrefix:/', 'other'),
    })
    const child = run(ANY_PORT, { cwd })
    const port = await child.port('http')
    await child.sees(/^ready$/m)
    expect(await ask(port)).toBe('blue')

    await writeFile(join(cwd, 'traefik.toml'), '[file]\nfilename = 7\n[etcd]\npassword = ["hunter2"]\n')
    child.signal('SIGHUP')
    await child.sees(
      /not reloaded, the proxy keeps its configuration:\nfile\.filename: expected a path, found number 7/,
    )
    expect(child.stderr).not.toContain('hunter2')
    expect(await ask(port)).toBe('blue')

    const next =
      'logLevel = "DEBUG"\n[file]\nfilename = "other.toml"\n[http]\nendpoint = "http://127.0.0.1:1"\n'
    await writeFile(
      join(cwd, 'traefik.toml'),
      `${next}[entryPoints.more]\naddress = ":0"\n[lifeCycle]\ngraceTimeOut = "3s"\n`,
    )
    child.signal('SIGHUP')
    await child.sees(/^reloaded$/m)
    await child.sees(/generation 2 serves: version other of file/)
    expect(await ask(port)).toBe('green')
    await child.port('more')
    const changed = [...child.stderr.matchAll(/^warning: (\S+) has changed, which needs a restart$/gm)]
    expect(changed.map(([, key]) => key)).toEqual(['http', 'logLevel'])
    child.signal('SIGTERM')
    expect(await child.ended()).toBe(0)
    expect(child.stderr).toContain('closing: requests under way have 3 s')
  })

  it('opens its logs anew at SIGUSR1', async () => {
    const cwd = await folderWith({ 'traefik.toml': CONFIG, 'rules.toml': rules(blue.url) })
    const logs = ['--accessLog.filePath=logs/access.log', '--traefikLog.filePath=logs/traefik.log']
    const child = run([...ANY_PORT, ...logs], { cwd })
    const port = await child.port('http')
    await child.sees(/^ready$/m)
    await ask(port)
    for (const name of ['access', 'traefik'])
      await rename(join(cwd, `logs/${name}.log`), join(cwd, `logs/${name}.1`))
    child.signal('SIGUSR1')
    await child.sees(/^logs reopened$/m)
    expect(await readFile(join(cwd, 'logs/traefik.1'), 'utf8')).toContain('generation 1 serves')
    expect(await readFile(join(cwd, 'logs/traefik.log'), 'utf8')).toBe('')
    await eventually(
      async () => /GET \/ HTTP/.test(await readFile(join(cwd, 'logs/access.1'), 'utf8')),
      'a line',
    )
    await ask(port)
    child.signal('SIGTERM')
    expect(await child.ended()).toBe(0)
    expect(await readFile(join(cwd, 'logs/access.log'), 'utf8')).toMatch(/GET \/ HTTP/)
    expect(child.stderr).not.toContain('Debugger')
  })

  it('goes on without providers that are ready, and says so', async () => {
    const child = run([
      ...ANY_PORT,
      '--file.filename=/nowhere/rules.toml',
      '--entryPoints.other.address=127.0.0.1:0',
    ])
    const port = await child.port('http')
    await child.port('other')
    expect((await httpGet({ port })).status).toBe(503)
    await child.sees(/not ready after 5000 ms: file: .*; the proxy keeps trying/)
    child.signal('SIGTERM')
    expect(await child.ended()).toBe(0)
  })
})

describe('switchover run cannot begin', () => {
  it('without a configuration', async () => {
    const child = run([], { cwd: await folderWith({}) })
    expect(await child.ended()).toBe(1)
    expect(child.stderr).toMatch(
      /^no configuration: found none of the files traefik\.toml, .*Give --configFile=FILE, or flags/,
    )
  })

  it('with one that is wrong, and says all of it', async () => {
    const cwd = await folderWith({ 'home/.traefik/traefik.toml': 'loglevl = "x"\n[etcd]\nwatch = 3\n' })
    const child = run(['--etcd.prefx=/a'], {
      cwd,
      env: { HOME: join(cwd, 'home'), SWITCHOVER_ETCD_PREFX: 'x' },
    })
    expect(await child.ended()).toBe(1)
    expect(child.stdout).toBe('')
    for (const text of [
      'loglevl: there is no key',
      'etcd.watch: expected',
      '--etcd.prefx: this',
      'SWITCHOVER_ETCD_PREFX: this',
    ])
      expect(child.stderr).toContain(text)
  })

  it('on a port that is taken, and names the entry point', async () => {
    const other = createTcpServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const taken = `127.0.0.1:${(other.address() as AddressInfo).port}`
    const [entryPoint, status] = [
      run([`--entryPoints.http.address=${taken}`, '--file.filename=rules.toml']),
      run(['--entryPoints.http.address=127.0.0.1:0', `--web.address=${taken}`, '--file.filename=rules.toml']),
    ]
    expect([await entryPoint.ended(), await status.ended()]).toEqual([1, 1])
    expect(entryPoint.stderr).toContain(`the entry point http cannot listen on ${taken}: listen EADDRINUSE`)
    expect(status.stderr).toMatch(new RegExp(`the status server cannot listen on ${taken}: .*EADDRINUSE`))
    other.close()
  })
})

it('nobody who reads on is no failure', async () => {
  const folder = await folderWith({ 'rules.toml': rules('http://a') })
  const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))
  const words = ['--import', import.meta.resolve('tsx'), program, 'convert', join(folder, 'rules.toml')]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number]
  expect([code, stderr]).toEqual([0, ''])
})
