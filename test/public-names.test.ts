import { execFileSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Declaration, Declarations, descriptionOf, type Member } from './support/declarations.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const outDir = join(root, '.cache/public-names')

let declarations: Declarations
let exported: readonly Declaration[]

beforeAll(() => {
  const project = ['-p', join(root, 'src'), '--emitDeclarationOnly', '--declarationMap', 'false']
  execFileSync(join(root, 'node_modules/.bin/tsc'), [...project, '--outDir', outDir])
  declarations = new Declarations()
  exported = ['index.d.ts', 'testing.d.ts'].flatMap((name) => declarations.exportsOf(join(outDir, name)))
}, 60_000)

const sourceOf = ({ file }: Declaration) => relative(outDir, file).replace(/\.d\.ts$/, '.ts')

/** The names, with their members, that lack something. */
function lacking(
  lacks: (declaration: Declaration) => boolean,
  memberLacks: (member: Member, declaration: Declaration) => boolean,
): string[] {
  return exported.flatMap((declaration) => {
    const name = `${sourceOf(declaration)} ${declaration.name}`
    const members = declaration.members.filter((member) => memberLacks(member, declaration))
    return [...(lacks(declaration) ? [name] : []), ...members.map((member) => `${name}.${member.name}`)]
  })
}

describe('the public names', () => {
  it('are found', () => {
    const names = exported.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['createProxy', 'ReverseProxy', 'ProxyOptions', 'factsOf']))
    const proxy = exported.find(({ name }) => name === 'ReverseProxy')
    expect(proxy?.members.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['constructor', 'handler', 'listen', 'state', '[Symbol.asyncDispose]']),
    )
    const options = exported.find(({ name }) => name === 'ProxyOptions') as Declaration
    expect(declarations.namedBy(options).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['EngineOptions', 'Provider', 'ConfigCache', 'StatusOptions']),
    )
  })

  it('name only types that are public too', () => {
    const missing = exported.flatMap((declaration) =>
      declarations
        .namedBy(declaration)
        .filter((named) => !exported.includes(named))
        .map(
          (named) => `${sourceOf(declaration)} ${declaration.name} names ${named.name} of ${sourceOf(named)}`,
        ),
    )
    expect(missing).toEqual([])
  })

  it('have a docstring each, and so have their members', () => {
    const isBare = ({ doc }: Member | Declaration) => descriptionOf(doc) === ''
    expect(lacking(isBare, isBare)).toEqual([])
  })

  it('name the default of each option', () => {
    // All members of these two have one: the options that take them take them in part.
    const haveDefaults = ['Timeouts', 'Limits']
    const lacksDefault = ({ doc, code }: Member, { name }: Declaration) =>
      (/Options$/.test(name) ? /^[^(:]*\?:/.test(code) : haveDefaults.includes(name)) &&
      !/@default \S/.test(doc)
    expect(lacking(() => false, lacksDefault)).toEqual([])
  })
})
