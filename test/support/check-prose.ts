import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { flawsOf, type Sentence, sentencesOf, sentencesOfComments, sentencesOfMessages } from './prose.js'

/** The sentences of a page or of a source file that docs/style.md is about. */
function sentencesIn(file: string): readonly Sentence[] {
  const text = readFileSync(file, 'utf8')
  if (file.endsWith('.md')) return sentencesOfPage(text)
  return [...sentencesOfComments(text), ...sentencesOfMessages(text)]
}

/** A page without its blocks of code, line for line. */
function sentencesOfPage(text: string): Sentence[] {
  return sentencesOf(text.replaceAll(/^```[\s\S]*?^```/gm, (block) => block.replaceAll(/[^\n]+/g, '')))
}

/** One line for each flaw of a file: where, why, and the sentence. */
export function describeFlaws(file: string, name = file): string[] {
  return flawsOf(sentencesIn(file)).map(({ line, why, text }) => `${name}:${line} ${why}: ${text}`)
}

function filesUnder(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js)$/.test(name))
    .map((name) => join(path, name))
}

/** Run as a program: prints the flaws of the files and folders that are named. */
if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = process.argv.slice(2).flatMap(filesUnder)
  for (const line of files.flatMap((file) => describeFlaws(file))) console.log(line)
}
