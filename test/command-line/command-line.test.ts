import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { commandFlags } from '../../src/command-line/command-flags.js'
import { captured } from '../support/captured-command.js'
import { folderWith } from '../support/documents.js'

describe('switchover', () => {
  it('says its version', async () => {
    expect(await captured(['--version'])).toEqual({ exitCode: 0, stdout: '1.2.3\n', stderr: '' })
  })

  it.each([[[]], [['run']], [['check']], [['explain']], [['convert']]])(
    '%j has help with examples',
    async (command) => {
      const { exitCode, stdout, stderr } = await captured([...command, '--help'])
      expect([exitCode, stderr]).toEqual([0, ''])
      const [, examples = ''] = stdout.split('Examples:\n')
      expect(examples.match(/^ {2}\$ .*switchover/gm)?.length).toBeGreaterThanOrEqual(2)
    },
  )

  it('has every command and option in docs/command-line.md', async () => {
    const page = readFileSync(new URL('../../docs/command-line.md', import.meta.url), 'utf8')
    for (const command of ['run', 'check', 'explain', 'convert']) {
      expect(page).toContain(`\n## ${command}\n`)
      const { stdout } = await captured([command, '--help'])
      for (const [, option = ''] of stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm))
        expect(page).toContain(`${option}`)
    }
  })

  it.each([
    [['chek', 'rules.toml'], 'there is no command "chek"; the nearest known one is "check"'],
    [
      ['--etcd.prefix=/a', 'check', 'a.toml'],
      'expected the command check as the first word, and its arguments after it',
    ],
    [['-x'], 'there is no command "-x"'],
    [['check', '--nothing'], "unknown option '--nothing'"],
  ])('%j is wrong usage: 2', async (words, expected) => {
    const { exitCode, stderr } = await captured(words)
    expect(exitCode).toBe(2)
    expect(stderr).toContain(expected)
  })

  it('has colours on terminals only, and not if NO_COLOR is set', async () => {
    const folder = await folderWith({ 'rules.json': '{}' })
    const words = ['check', join(folder, 'rules.json'), '/nowhere.json']
    const coloured = await captured(words, { isTTY: true })
    expect(coloured.stdout).toContain('\u001b[31m')
    expect(coloured.stderr).toContain('\u001b[31m')
    for (const options of [
      {},
      { isTTY: true, env: { NO_COLOR: '1' } },
      { isTTY: true, env: { TERM: 'dumb' } },
    ]) {
      const { stdout, stderr } = await captured(words, options)
      expect(stdout + stderr).not.toContain('\u001b')
    }
  })
})

describe('flags of the static configuration', () => {
  it('may have their value behind them, or none', () => {
    const words = ['--etcd.prefix=/a=b', '--etcd.endpoint', 'a:1', '--web', '--file.watch', 'x', '--logLevel']
    expect(commandFlags(words)).toEqual({
      flags: {
        'etcd.prefix': '/a=b',
        'etcd.endpoint': 'a:1',
        web: 'true',
        'file.watch': 'true',
        logLevel: 'true',
      },
      operands: ['x'],
    })
  })

  it('that come twice add to lists, else the last one counts', () => {
    const words = ['--defaultEntryPoints=a', '--defaultEntryPoints=b', '--logLevel=INFO', '--logLevel=WARN']
    const points = ['--entryPoints=Name:a Address::1', '--entryPoints=Name:b Address::2']
    expect(commandFlags([...words, ...points]).flags).toEqual({
      defaultEntryPoints: 'a,b',
      logLevel: 'WARN',
      entryPoints: 'Name:a Address::1\nName:b Address::2',
    })
  })
})
