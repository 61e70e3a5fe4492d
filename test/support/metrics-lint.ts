/** One sample line. */
interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** One metric with its samples, as the text has them. */
export interface Family {
  readonly name: string
  help: string
  type: string
  readonly samples: Sample[]
}

/** Reads Prometheus's text format (0.0.4). @throws Error for a line that is none of it */
export function parseMetrics(text: string): Family[] {
  const families: Family[] = []
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, kind, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') families.push({ name: of, help: rest, type: '', samples: [] })
    else if (kind === 'TYPE') familyOf(families, of).type = rest
    else families.at(-1)?.samples.push(sampleOf(line))
  }
  return families
}

function familyOf(families: readonly Family[], name: string): Family {
  const last = families.at(-1)
  if (last?.name !== name) throw new Error(`the type of ${name} stands before its help, or alone`)
  return last
}

function sampleOf(line: string): Sample {
  const [, name, labelText = '', value] =
    /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([-+]?[\d.]+(?:e[-+]?\d+)?|NaN|[-+]Inf)$/.exec(
      line,
    ) ?? []
  if (name === undefined) throw new Error(`no line of the format: ${line}`)
  const labels = [...labelText.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [
    label,
    text,
  ])
  return { name, labels: Object.fromEntries(labels), value: Number(value) }
}

/** What `promtool check metrics` would complain of, and what makes a scrape fail. */
export function lintMetrics(text: string): string[] {
  const families = parseMetrics(text)
  const complaints = families.flatMap(complaintsOf)
  const names = families.map(({ name }) => name)
  if (new Set(names).size < names.length) complaints.push('a metric stands there twice')
  return complaints
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] }

function complaintsOf({ name, help, type, samples }: Family): string[] {
  const complaints: string[] = []
  const complain = (that: boolean, what: string) => {
    if (that) complaints.push(`${name}: ${what}`)
  }
  complain(help === '', 'no help')
  complain(!['counter', 'gauge', 'histogram'].includes(type), `no type: ${type}`)
  complain((type === 'counter') !== name.endsWith('_total'), 'counters, and they alone, end with _total')
  complain(/(_|^)(milliseconds|ms|minutes|kilobytes|percent)(_|$)/.test(name), 'no base unit')
  complain(/[A-Z]|__|^_|(gauge|counter|histogram)/.test(name), 'its name is in camel case, or names its type')
  const allowed = (SUFFIXES[type] ?? ['']).map((suffix) => name + suffix)
  complain(
    samples.some((sample) => !allowed.includes(sample.name)),
    'a sample of another name',
  )
  complain(type === 'counter' && samples.some(({ value }) => !(value >= 0)), 'a counter below 0')
  const keys = samples.map((sample) => JSON.stringify([sample.name, sample.labels]))
  complain(new Set(keys).size < keys.length, 'a series stands there twice')
  if (type === 'histogram')
    complain(!hasWholeBuckets(name, samples), 'buckets that do not grow, or no +Inf, or another count')
  return complaints
}

function hasWholeBuckets(name: string, samples: readonly Sample[]): boolean {
  const series = new Map<string, { le: string; value: number }[]>()
  const counts = new Map<string, number>()
  for (const {
    name: of,
    labels: { le = '', ...labels },
    value,
  } of samples) {
    const key = JSON.stringify(labels)
    if (of === `${name}_bucket`) series.set(key, [...(series.get(key) ?? []), { le, value }])
    if (of === `${name}_count`) counts.set(key, value)
  }
  return [...series].every(([key, buckets]) => {
    const grows = buckets.every(({ value }, at) => at === 0 || value >= (buckets[at - 1]?.value ?? 0))
    const last = buckets.at(-1)
    return grows && last?.le === '+Inf' && last.value === counts.get(key)
  })
}
