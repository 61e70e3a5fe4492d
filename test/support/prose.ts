/** A sentence, or a fragment that stands as one, with the line where it begins. */
export interface Sentence {
  readonly line: number
  readonly text: string
}

/**
 * The sentences of the comments of a TypeScript file, in order. Comments that follow one another on lines of their own are
 * one text. Code in backticks and `@link` targets count as one word; tags such as `@throws` begin a new sentence.
 */
export function sentencesOfComments(source: string): Sentence[] {
  return commentsOf(source).flatMap(({ line, text }) => sentencesOf(text, line))
}

interface Comment {
  readonly line: number
  readonly text: string
}

/** Strings and templates are skipped, so that `//` in a URL does not begin a comment. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|(?:^[ \t]*\/\/.*\n?)+|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*/gm

function commentsOf(source: string): Comment[] {
  const found: Comment[] = []
  for (const { 0: token, index } of source.matchAll(TOKEN)) {
    if (!/^\s*\/[/*]/.test(token)) continue
    const text = token
      .replace(/^\/\*+/, '')
      .replace(/\*+\/$/, '')
      .split('\n')
      .map((line) => line.replace(/^\s*(?:\*(?!\/)|\/\/)? ?/, ''))
      .join('\n')
    found.push({ line: source.slice(0, index).split('\n').length, text })
  }
  return found
}

/** The sentences of a text: of Markdown without its blocks of code, or of a comment. */
export function sentencesOf(text: string, firstLine = 1): Sentence[] {
  const found: Sentence[] = []
  let line = firstLine
  for (const paragraph of text.split(/(\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\. |@\w)))/)) {
    const words = paragraph
      .replaceAll(/`[^`]*`/g, 'code')
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/\{@link [^}]*\}/g, 'code')
      .replaceAll(/https?:\/\/\S+/g, 'link')
    if (!/^\s*(?:\||@example\b|biome-ignore|@ts-)/.test(words)) {
      for (const sentence of words.split(/(?<=[.!?:;]['")]*)\s+(?=\S)/)) {
        const plain = sentence.replaceAll(/\s+/g, ' ').trim()
        if (plain !== '') found.push({ line, text: plain })
      }
    }
    line += paragraph.split('\n').length - 1
  }
  return found
}

/** How many words a sentence has. */
function wordsOf(sentence: string): number {
  return sentence.split(/[\s/—–]+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
}

/** Words and phrases that docs/style.md rules out, with what to write instead. */
const RULED_OUT: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bwho(?:so)?ever\b/i, 'name the actor: the client, the caller, the host'],
  [/\bno more\b(?! than)/i, 'no longer, or: stops'],
  [/\ball the same\b/i, 'still, or: equal'],
  [/\bof old\b/i, 'earlier, or: before'],
  [/\bis none of\b/i, 'is not one of'],
  [/\bin a row\b/i, 'consecutive'],
  [/\bhearsay\b|\bbearer is\b/i, 'not trusted'],
  [/\bthe like\b/i, 'name the things'],
  [/\bas well as\b/i, 'and'],
  [
    /\b(?:thereof|thereby|herein|hereby|wherein|whereby|whereof|lest|nought|ought|whence|hence|thence)\b/i,
    'a plain word',
  ],
  [/\bnobody\b/i, 'name who does not'],
  [/\bbe it\b/i, 'whether'],
  [/\bby one word\b|\bin one go\b/i, 'at once'],
  [
    /^(?:Of|As whom|By how|To whom)\b/,
    'begin with the subject: a comment never continues a name as a genitive',
  ],
  [
    /^(?:Those|One|Ones) (?:of|that|whose|which|who|by|to|in)\b/,
    'name the thing: servers that, a header that',
  ],
  [/\bso (?:many|much|often)\b/i, 'at most N, or: the number, the share'],
  [/\bfor ever\b/i, 'forever, or: without end'],
  [/\bto and fro\b/i, 'back and forth'],
  [/\bthat there (?:is|are)\b/i, 'existing, or: all'],
  [/\bof late\b|\bno such\b|\bnot any more\b|\bany more\b/i, 'recently, no, no longer'],
  [/\bbe that as\b|\bin its place\b|\bin vain\b/i, 'instead, without success'],
]

/** A sentence that breaks a rule of docs/style.md, and what to do about it. */
export interface Flaw extends Sentence {
  readonly why: string
}

const MAX_WORDS = 25

/** What a machine finds wrong with sentences: length, and words that docs/style.md rules out. */
export function flawsOf(sentences: readonly Sentence[]): Flaw[] {
  return sentences.flatMap((sentence) => {
    const found: Flaw[] = []
    const words = wordsOf(sentence.text)
    if (words > MAX_WORDS) found.push({ ...sentence, why: `${words} words: at most ${MAX_WORDS}` })
    for (const [pattern, instead] of RULED_OUT) {
      const word = pattern.exec(sentence.text)?.[0]
      if (word !== undefined) found.push({ ...sentence, why: `"${word}": write ${instead}` })
    }
    return found
  })
}

/**
 * The sentences of string literals and templates with at least three words: messages for people. A line that begins with `$` is an
 * example of a command, and no sentence.
 */
export function sentencesOfMessages(source: string): Sentence[] {
  return [...source.matchAll(TOKEN)].flatMap(({ 0: token, index }) => {
    if (!/^['"`]/.test(token) || !/[a-z]+ [a-z]+ [a-z]+/i.test(token)) return []
    const text = token
      .slice(1, -1)
      .replaceAll(/\$\{[^}]*\}/g, 'code')
      .replaceAll(/^ *\$ .*$/gm, '')
    return sentencesOf(text, source.slice(0, index).split('\n').length)
  })
}
