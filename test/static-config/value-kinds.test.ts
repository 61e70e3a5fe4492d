import { describe, expect, it } from 'vitest'
import { describeFound, VALUE_KINDS } from '../../src/static-config/value-kinds.js'
import type { ValueKind } from '../../src/validation/static-keys/static-key.js'

describe('describeFound', () => {
  const kinds = Object.keys(VALUE_KINDS) as ValueKind[]

  it('quotes a value only if its kind never holds a secret', () => {
    const quoted = kinds.filter((kind) => describeFound('hunter2', kind).includes('hunter2'))
    expect(kinds.filter((kind) => !quoted.includes(kind))).toEqual([
      'secret',
      'secrets',
      'pem',
      'pems',
      'table',
    ])
  })
})
