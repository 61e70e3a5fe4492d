/** Statistics of the recent requests of a backend. The expression of a circuit breaker reads them. */
export interface CircuitStats {
  /** Returns the share of all requests that got no response, from 0 to 1. */
  networkErrorRatio(): number
  /**
   * Returns a quantile of the latency in milliseconds. For `quantile` 95, it is the latency that 95% of the requests did not
   * exceed.
   */
  latencyAtQuantileMs(quantile: number): number
  /**
   * Returns the number of responses with a status from `a` to `b`, divided by the number with a status from `c` to `d`. The upper
   * bounds `b` and `d` are not included.
   */
  responseCodeRatio(a: number, b: number, c: number, d: number): number
}

/** A compiled expression of a circuit breaker. It returns whether the circuit breaker opens, given these statistics. */
export type CircuitExpression = (stats: CircuitStats) => boolean

/** The functions that an expression may call, each with its number of arguments. To add a function, add a row. */
const FUNCTIONS: Readonly<
  Record<string, readonly [count: number, (stats: CircuitStats, args: number[]) => number]>
> = {
  NetworkErrorRatio: [0, (stats) => stats.networkErrorRatio()],
  LatencyAtQuantileMS: [1, (stats, [quantile = 50]) => stats.latencyAtQuantileMs(quantile)],
  ResponseCodeRatio: [4, (stats, [a = 0, b = 0, c = 0, d = 0]) => stats.responseCodeRatio(a, b, c, d)],
}

const COMPARISONS: Readonly<Record<string, (one: number, other: number) => boolean>> = {
  '>': (one, other) => one > other,
  '>=': (one, other) => one >= other,
  '<': (one, other) => one < other,
  '<=': (one, other) => one <= other,
  '==': (one, other) => one === other,
  '!=': (one, other) => one !== other,
}

/** The most levels of nested parentheses. The parser calls itself for each level, so deeper nesting could overflow the stack. */
const MAX_DEPTH = 20

/**
 * Parses the expression of a circuit breaker in Traefik 1.7's syntax:
 * `NetworkErrorRatio() > 0.5 || LatencyAtQuantileMS(50.0) > 50`.
 *
 * @returns the compiled expression, or a message that says what is wrong, where, and what was expected
 */
export function parseCircuitExpression(text: string): CircuitExpression | string {
  try {
    return new Reader(text).whole()
  } catch (thrown) {
    return (thrown as Error).message
  }
}

const TOKEN = /\s*(&&|\|\||[<>=!]=|[<>!(),]|[A-Za-z_]\w*|\d+(?:\.\d+)?)/y

class Reader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): CircuitExpression {
    const expression = this.#any()
    if (this.#text.slice(this.#at).trim() !== '') this.#fail('&&, || or the end')
    return expression
  }

  #any(): CircuitExpression {
    const parts = [this.#all()]
    while (this.#take('||', 'OR')) parts.push(this.#all())
    return (stats) => parts.some((part) => part(stats))
  }

  #all(): CircuitExpression {
    const parts = [this.#one()]
    while (this.#take('&&', 'AND')) parts.push(this.#one())
    return (stats) => parts.every((part) => part(stats))
  }

  #one(): CircuitExpression {
    if (this.#take('!')) {
      const part = this.#nested(() => this.#one())
      return (stats) => !part(stats)
    }
    if (this.#take('(')) {
      const part = this.#nested(() => this.#any())
      if (!this.#take(')')) this.#fail('a closing parenthesis')
      return part
    }
    return this.#comparison()
  }

  #nested(read: () => CircuitExpression): CircuitExpression {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} nested parentheses`)
    const part = read()
    this.#depth -= 1
    return part
  }

  #comparison(): CircuitExpression {
    const name = this.#peek()
    const found = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
    if (!found) return this.#fail(`one of ${Object.keys(FUNCTIONS).join(', ')}`)
    this.#take(name)
    const [count, read] = found
    const args = this.#args(count)
    const operator = this.#peek()
    const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined
    if (!compare) return this.#fail(`one of ${Object.keys(COMPARISONS).join(' ')}`)
    this.#take(operator)
    const limit = this.#number()
    return (stats) => compare(read(stats, args), limit)
  }

  #args(count: number): number[] {
    if (!this.#take('(')) this.#fail('an opening parenthesis')
    const args: number[] = []
    for (let nth = 0; nth < count; nth++) {
      if (nth > 0 && !this.#take(',')) this.#fail(`${count} numbers with commas between them`)
      args.push(this.#number())
    }
    if (!this.#take(')')) this.#fail(count === 0 ? 'nothing in the parentheses' : `${count} numbers`)
    return args
  }

  #number(): number {
    const text = this.#peek()
    if (!/^\d/.test(text)) this.#fail('a number')
    this.#take(text)
    return Number(text)
  }

  /**
   * Returns the next token without consuming it. At the end of the text, and where no token begins, it returns an empty string.
   */
  #peek(): string {
    TOKEN.lastIndex = this.#at
    return TOKEN.exec(this.#text)?.[1] ?? ''
  }

  #take(...words: readonly string[]): boolean {
    TOKEN.lastIndex = this.#at
    const word = TOKEN.exec(this.#text)?.[1]
    if (word === undefined || !words.includes(word)) return false
    this.#at = TOKEN.lastIndex
    return true
  }

  #fail(expected: string): never {
    const found = this.#text.slice(this.#at).trim().slice(0, 20)
    const where = found === '' ? 'at its end' : `at ${JSON.stringify(found)}`
    throw new Error(`${where}: expected ${expected}`)
  }
}
