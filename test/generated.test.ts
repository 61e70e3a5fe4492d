import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { generatedFiles } from './support/generate.js'
import { mistakesIn, validDocuments, withMistake } from './support/generated-documents.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (name: string): string => readFileSync(`${root}/${name}`, 'utf8')

describe('files that follow from the schema of documents and the table of static keys', () => {
  // To write them again: npm run generate
  it.each(Object.entries(generatedFiles()))('%s is up to date', (name, text) => {
    expect(read(name)).toBe(text)
  })
})

const schema = new Ajv2020({ strict: false }).compile(JSON.parse(read('docs/schema.json')))
const api = new Ajv2020({ strict: false, allErrors: false })
api.addSchema({ $id: 'config-api', ...parse(read('docs/config-api.yaml')) })
const contract = api.compile({ $ref: 'config-api#/components/schemas/Document' })

describe.each([
  ['schema.json', schema],
  ['config-api.yaml', contract],
])('%s and the proxy', (_name, validate) => {
  it('take the same documents', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(validDocuments, (document) => {
        const checked = validateConfig(document)
        expect(checked.ok ? [] : checked.issues).toEqual([])
        expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
      }),
      { numRuns: 2_500 },
    )
  })

  it('refuse a document with one mistake', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(validDocuments, fc.nat(), (document, nth) => {
        const mistakes = mistakesIn(document)
        const mistake = mistakes[nth % mistakes.length]
        if (!mistake) return
        const wrong = withMistake(document, mistake)
        const accepted = [validateConfig(wrong).ok, validate(wrong)]
        expect(accepted, `${mistake.what} at ${mistake.path.join('.')}`).toEqual([false, false])
      }),
      { numRuns: 2_500 },
    )
  })
})
