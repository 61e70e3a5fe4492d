import type { Random } from '../fuzz/random.js'

/** Bytes of a hostile document. */
export const DOCUMENT_BYTES = 1_000_000

/** A document, how it is delivered, and as what. */
export interface HostileDocument {
  readonly format: 'json' | 'yaml' | 'toml'
  readonly text: string
}

type Kind = (random: Random) => HostileDocument

function filled(unit: string, bytes = DOCUMENT_BYTES): string {
  return unit.repeat(Math.max(1, Math.floor(bytes / unit.length)))
}

/** One document of a million bytes, made of one entry again and again. */
function numbered(entry: (nth: number) => string, bytes = DOCUMENT_BYTES): string {
  const entries: string[] = []
  let size = 0
  for (let nth = 0; size < bytes; nth += 1) {
    const text = entry(nth)
    size += text.length
    entries.push(text)
  }
  return entries.join('')
}

function json(frontends: string, backends = ''): HostileDocument {
  return { format: 'json', text: `{"frontends":{${frontends}},"backends":{${backends}}}` }
}

const BACKEND_JSON = '"b":{"servers":{"s":{"url":"http://127.0.0.1:1"}}}'

function rules(random: Random, rule: (nth: number) => string): HostileDocument {
  const priority = 1 + random.below(9)
  const frontend = (nth: number) =>
    `${nth === 0 ? '' : ','}"f${nth}":{"backend":"b","priority":${priority},"rule":${JSON.stringify(rule(nth))}}`
  return json(numbered(frontend, DOCUMENT_BYTES * 0.95), BACKEND_JSON)
}

/** Kinds of hostile documents. One is added here. */
export const DOCUMENTS: Readonly<Record<string, Kind>> = {
  'JSON, nested': () => ({ format: 'json', text: filled('[') }),
  'JSON, of small values': () => json(`"f":[${filled('0,')}0]`),
  'JSON, of names': () => json(numbered((nth) => `"${nth}":0,`).slice(0, -1)),
  'JSON, of unknown fields': () => json(`"f":{${numbered((nth) => `"a${nth}":0,`).slice(0, -1)}}`),
  'JSON, with one long name': () => json(`"${filled('n')}":{"backend":"b","rule":"Path:/"}`, BACKEND_JSON),
  'JSON, with one long rule': (random) =>
    json(
      `"f":{"backend":"b","rule":"Host:${filled(random.pick(['a,', 'a;', '{a:', '(', 'é', '&&', '!']))}"}`,
      BACKEND_JSON,
    ),
  'JSON, rules with expressions': (random) => {
    const expression = random.pick(['(a|b)*c', '(a+)+b', 'a{1,50}', '[a-z]*[a-z]*x'])
    return rules(random, (nth) => `HostRegexp:h${nth}-{x:${expression}}.test`)
  },
  'JSON, rules with ranges': (random) =>
    rules(
      random,
      (nth) =>
        `Host:h${nth}.test;ClientIP:10.${nth % 256}.0.0/16,2001:db8:${(nth % 65_536).toString(16)}::/48`,
    ),
  'JSON, rules under rules': (random) =>
    rules(random, () => `${'('.repeat(200)}Path(\`/a\`)${')'.repeat(200)}`),
  'YAML, of small values': () => ({ format: 'yaml', text: `frontends: [${filled('0,')}0]\nbackends: {}\n` }),
  'YAML, of lines': () => ({ format: 'yaml', text: `frontends:\n${filled('- \n')}` }),
  'YAML, of names': () => ({ format: 'yaml', text: `frontends:\n${numbered((nth) => ` a${nth}: 0\n`)}` }),
  'YAML, of names in a table without one': (random) => ({
    format: 'yaml',
    text: `${random.pick(['~', 'null', '!!set a', '? [a]\n'])}:\n${numbered((nth) => ` a${nth}: {}\n`)}`,
  }),
  'YAML, nested': (random) => ({ format: 'yaml', text: filled(random.pick(['[', '- ', '{a: ', '? '])) }),
  'YAML, of aliases': () => ({
    format: 'yaml',
    text: `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 25 }, (_, nth) => `${'abcdefghijklmnopqrstuvwxyz'[nth + 1]}: &${'abcdefghijklmnopqrstuvwxyz'[nth + 1]} [${filled(`*${'abcdefghijklmnopqrstuvwxyz'[nth]},`, 27)}]\n`).join('')}`,
  }),
  'YAML, of comments': () => ({ format: 'yaml', text: filled('# c\n') }),
  'YAML, quoted': (random) => ({
    format: 'yaml',
    text: filled(random.pick(['"', "'", '|\n', '>\n ', '\\u0041', '!!a ', '&a '])),
  }),
  'TOML, of small values': () => ({ format: 'toml', text: `a = [${filled('0,')}0]\n` }),
  'TOML, of names': () => ({ format: 'toml', text: numbered((nth) => `a${nth} = 0\n`) }),
  'TOML, of tables': () => ({ format: 'toml', text: numbered((nth) => `[frontends.f${nth}]\n`) }),
  // One that was just short enough for the thread that serves.
  'TOML, of short tables': (random) => ({
    format: 'toml',
    text: numbered((nth) => `[${nth.toString(36)}]\n`, random.pick([95_000, 750_000])),
  }),
  'TOML, nested': (random) => ({ format: 'toml', text: `a = ${filled(random.pick(['[', '{a=', '{a.b=']))}` }),
  'TOML, dotted': () => ({ format: 'toml', text: `${filled('a.')}a = 0\n` }),
  'TOML, arrays of tables': () => ({ format: 'toml', text: filled('[[a]]\n') }),
}
