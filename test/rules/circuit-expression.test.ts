import { describe, expect, it } from 'vitest'
import { type CircuitStats, parseCircuitExpression } from '../../src/rules/circuit-expression.js'

const stats = (networkErrors: number, latencyMs: number, codes: number): CircuitStats => ({
  networkErrorRatio: () => networkErrors,
  latencyAtQuantileMs: (quantile) => latencyMs * (quantile / 50),
  responseCodeRatio: (a, b, c, d) => (a === 500 && b === 600 && c === 0 && d === 600 ? codes : -1),
})

function holds(text: string, of: CircuitStats): boolean {
  const expression = parseCircuitExpression(text)
  if (typeof expression === 'string') throw new Error(expression)
  return expression(of)
}

describe('an expression of a circuit breaker', () => {
  it.each([
    ['NetworkErrorRatio() > 0.5', true],
    ['NetworkErrorRatio()>0.6', false],
    ['NetworkErrorRatio() >= 0.6', true],
    ['NetworkErrorRatio() == 0.6', true],
    ['NetworkErrorRatio() != 0.6', false],
    ['NetworkErrorRatio() <= 0.5', false],
    ['LatencyAtQuantileMS(50.0) > 50', true],
    ['LatencyAtQuantileMS(100) < 150', false],
    ['ResponseCodeRatio(500, 600, 0, 600) > 0.5', false],
    ['ResponseCodeRatio(500,600,0,600) < 0.5', true],
    ['NetworkErrorRatio() > 0.5 && LatencyAtQuantileMS(50.0) > 100', false],
    ['NetworkErrorRatio() > 0.9 || LatencyAtQuantileMS(50.0) > 50', true],
    ['NetworkErrorRatio() > 0.9 OR LatencyAtQuantileMS(50.0) > 50 AND NetworkErrorRatio() < 1', true],
    ['!(NetworkErrorRatio() > 0.9) && !LatencyAtQuantileMS(50.0) > 100', true],
    ['(NetworkErrorRatio() > 0.9 || NetworkErrorRatio() > 0.5) && LatencyAtQuantileMS(50) > 100', false],
  ])('%s: %s', (text, expected) => {
    expect(holds(text, stats(0.6, 80, 0.2))).toBe(expected)
  })

  it.each([
    ['', 'at its end: expected one of NetworkErrorRatio, LatencyAtQuantileMS, ResponseCodeRatio'],
    ['NetworkErrorRate() > 0.5', 'at "NetworkErrorRate() >": expected one of NetworkErrorRatio'],
    ['NetworkErrorRatio > 0.5', 'at "> 0.5": expected an opening parenthesis'],
    ['NetworkErrorRatio(1) > 0.5', 'at "1) > 0.5": expected nothing in the parentheses'],
    ['ResponseCodeRatio(500, 600) > 0.5', 'at ") > 0.5": expected 4 numbers with commas between them'],
    ['NetworkErrorRatio() > ', 'at its end: expected a number'],
    ['NetworkErrorRatio() => 1', 'at "=> 1": expected one of > >= < <= == !='],
    [
      'NetworkErrorRatio() > 1 NetworkErrorRatio() > 1',
      'at "NetworkErrorRatio() ": expected &&, || or the end',
    ],
    ['(NetworkErrorRatio() > 1', 'at its end: expected a closing parenthesis'],
    ['toString() > 1', 'at "toString() > 1": expected one of'],
    [`${'('.repeat(30)}NetworkErrorRatio() > 1`, 'expected at most 20 nested parentheses'],
    [`${'!'.repeat(10_000)}NetworkErrorRatio() > 1`, 'expected at most 20 nested parentheses'],
  ])('%j is refused with its place', (text, message) => {
    expect(parseCircuitExpression(text)).toContain(message)
  })
})
