import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseDocument } from 'yaml'
import { withFieldTables } from './field-tables.js'
import { definitions, documentJsonSchema } from './json-schema.js'
import { withStaticKeyTables } from './static-key-tables.js'

const pathOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

/**
 * The files that follow from the schema of documents and from the table of static keys, each with its text. `npm run generate`
 * writes them.
 */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'docs/schema.json': `${JSON.stringify(documentJsonSchema(), null, 2)}\n`,
    'docs/config-api.yaml': configApi(),
    'docs/configuration.md': withFieldTables(readFileSync(pathOf('docs/configuration.md'), 'utf8')),
    'docs/traefik-toml.md': withStaticKeyTables(readFileSync(pathOf('docs/traefik-toml.md'), 'utf8')),
  }
}

/** The contract of the config API. Its schemas follow from the document's; the rest is written by hand. */
function configApi(): string {
  const contract = parseDocument(readFileSync(pathOf('docs/config-api.yaml'), 'utf8'))
  const { ProviderConfig: document, ...others } = definitions('#/components/schemas/')
  contract.setIn(
    ['components', 'schemas'],
    contract.createNode({ Document: document, ...others }, { aliasDuplicateObjects: false }),
  )
  return contract.toString({ lineWidth: 128 })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [name, text] of Object.entries(generatedFiles())) writeFileSync(pathOf(name), text)
