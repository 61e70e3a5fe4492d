import { describe, expect, it } from 'vitest'
import { keysOf, oldNameOf, table } from '../../../src/validation/static-keys/static-key.js'
import { KEY_SECTIONS, oldNamesOf, STATIC_KEYS } from '../../../src/validation/static-keys/static-keys.js'

const all = KEY_SECTIONS.flatMap(({ keys }) => keys)
const pathsOf = (keys: typeof all) => keys.map(({ path }) => path)

describe('static keys', () => {
  it('are declared once', () => {
    expect(all.length).toBeGreaterThan(150)
    expect(pathsOf(all)).toEqual([...STATIC_KEYS.keys()])
  })

  it('have a meaning, each in whole sentences or a phrase with a full stop', () => {
    expect(pathsOf(all.filter(({ meaning }) => !/^\S.*\.$/.test(meaning)))).toEqual([])
  })

  it('set an option of their own each, but for older names', () => {
    const current = all.filter(
      ({ becomes, oldNameOf: old }) => /^\w+\.\S+$/.test(becomes) && old === undefined,
    )
    const options = current.map(({ becomes }) => becomes)
    expect(options.filter((option, nth) => options.indexOf(option) !== nth)).toEqual([])
  })

  it('are never ignored if they guard', () => {
    const guards = all.filter(({ guard }) => guard !== undefined)
    expect(guards.length).toBeGreaterThan(15)
    expect(pathsOf(guards.filter(({ becomes }) => /^(later|nothing)/.test(becomes)))).toEqual([])
  })

  it('say what to do instead if they are refused, and only then', () => {
    const withWayOut = all.filter(({ wayOut }) => wayOut !== undefined)
    expect(pathsOf(withWayOut)).toEqual(pathsOf(all.filter(({ becomes }) => becomes === 'refused')))
  })

  it('have a default or say what its absence means, never both', () => {
    const both = all.filter((key) => key.default !== undefined && key.defaultMeaning !== undefined)
    expect(pathsOf(both)).toEqual([])
  })

  it('that are older names are read as the current ones', () => {
    const older = all.filter((key) => key.oldNameOf !== undefined)
    expect(pathsOf(older)).toEqual([
      'traefikLogsFile',
      'accessLogsFile',
      'web.token',
      'web.metrics.prometheus.buckets',
      'idleTimeout',
      'graceTimeOut',
    ])
    for (const { path, kind, becomes, oldNameOf: current = '' } of older) {
      expect(STATIC_KEYS.get(current)).toMatchObject({ kind, becomes })
      expect(oldNamesOf(current)).toEqual([path])
    }
  })

  it('that are older names guard what the current ones guard, and have no default of their own', () => {
    const current = { default: '', defaultMeaning: 'none', creates: ['x'] }
    const taken = { guard: 'without it', wayOut: 'remove it', traefik: false, reload: 'applied' } as const
    const { keys } = keysOf(
      'Logs',
      { reload: 'restart' },
      { new: table('x', 'All.', { ...current, ...taken }), old: oldNameOf('new') },
    )
    const old = { path: 'old', kind: 'table', becomes: 'x', oldNameOf: 'new' }
    expect(keys[1]).toEqual({ ...old, meaning: 'The old name of `new`.', ...taken })
  })

  it('cannot be older names of a key that there is not', () => {
    const declare = () => keysOf('Logs', { reload: 'restart' }, { old: oldNameOf('new') })
    expect(declare).toThrow('old: there is no key new')
  })

  it('of this proxy alone are marked', () => {
    const ours = all.filter(({ traefik }) => traefik === false)
    expect(pathsOf(ours.filter(({ path }) => !/^(etcd|consul|http)\b/.test(path)))).toEqual([
      'entryPoints.*.mode',
      'trustedProxies',
      'web.token',
      'api.token',
      'file.allowEmpty',
      'lastGood',
      'unsupportedFields',
      'unsupportedFields.warn',
      'stickySecret',
    ])
  })
})
