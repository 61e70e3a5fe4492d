import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { captured } from '../support/captured-command.js'
import { folderWith } from '../support/documents.js'

const TOML =
  '[Frontends.Web]\nBackend = "B"\npasshostheader = true\n[backends.B.loadbalancer]\nmethod = "wrr"\n'
const JSON_OF_IT = {
  frontends: { Web: { backend: 'B', passHostHeader: true } },
  backends: { B: { loadBalancer: { method: 'wrr' } } },
}

describe('switchover convert', () => {
  it('prints a document as JSON, with the names of fields as they are here', async () => {
    const folder = await folderWith({
      'rules.toml': TOML,
      'rules.yml':
        'Frontends: { Web: { Backend: B, passhostheader: true } }\nbackends: { B: { loadbalancer: { method: wrr } } }',
      'traefik.toml': `logLevel = "INFO"\n[file]\n${TOML}`,
    })
    for (const name of ['rules.toml', 'rules.yml', 'traefik.toml']) {
      const { exitCode, stdout } = await captured(['convert', join(folder, name)])
      expect(exitCode).toBe(0)
      expect(JSON.parse(stdout)).toEqual(JSON_OF_IT)
    }
  })

  it('reads the standard input, and is told its form', async () => {
    const { stdout } = await captured(['convert', '--format', 'toml', '-'], { stdin: TOML })
    expect(JSON.parse(stdout)).toEqual(JSON_OF_IT)
  })

  it.each([
    [['-', '--format', 'toml'], '[a', 1, /^\(standard input\):1:\d+: /],
    [['-', '--format', 'json'], '{"a":\n x}', 1, /^\(standard input\):2:2: Unexpected token/],
    [['-', '--format', 'json'], '{"a": [1,\n2', 1, /^\(standard input\):2:2: /],
    [['-', '--format', 'json'], '{"a": tru e}', 1, /^\(standard input\):1:10: /],
    [['-', '--format', 'json'], '', 1, /^\(standard input\):1:1: /],
    [['-', '--format', 'json'], '[]', 1, /^\(standard input\):1:1: expected a document, found a list/],
    [
      ['-', '--format', 'toml'],
      'logLevel = "INFO"',
      1,
      /found a static configuration without frontends and backends/,
    ],
    [['-'], '{}', 2, /^-: expected --format, or a file whose name ends with \.toml/],
    [['-', '--format', 'xml'], '{}', 2, /Allowed choices are toml, yaml, json/],
    [['/nowhere.toml'], '', 2, /^\/nowhere\.toml: cannot be read: ENOENT/],
    [[], '', 2, /missing required argument 'file'/],
  ])('%j of %j ends with %d', async (words, stdin, code, expected) => {
    const { exitCode, stderr, stdout } = await captured(['convert', ...words], { stdin })
    expect(stderr).toMatch(expected)
    expect([exitCode, stdout]).toEqual([code, ''])
  })
})
