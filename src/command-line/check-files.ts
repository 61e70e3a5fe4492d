import type { ProviderConfig } from '../model/config.js'
import { asError } from '../model/errors.js'
import type { ReadFile } from '../providers/file/document-files.js'
import { inspectStaticConfig } from '../static-config/read-static-config.js'
import type { ValidateOptions } from '../validation/document-checker.js'
import { withFieldCase } from '../validation/field-case.js'
import { lintConfig } from '../validation/lint-config.js'
import { validateConfig } from '../validation/validate-config.js'
import { type Finding, locate, mergeNamed, readNamed, textOf } from './read-documents.js'
import type { Terminal } from './terminal.js'

/** What was found in files. */
interface Findings {
  readonly issues: readonly Finding[]
  readonly warnings: readonly Finding[]
}

const NOTHING: Findings = { issues: [], warnings: [] }

/**
 * Looks at documents, and at static configurations, and prints what is wrong with them and where.
 *
 * @returns 0: nothing is, but for warnings; 1: something is; 2: a file cannot be read
 */
export async function checkFiles(paths: readonly string[], terminal: Terminal): Promise<number> {
  const { red, yellow, bold, green } = terminal.colours
  const counted = { files: 0, issues: 0, warnings: 0 }
  let isUnreadable = false
  const show = ({ issues, warnings }: Findings): void => {
    for (const finding of issues) terminal.print(`${bold(finding.place)}: ${red(textOf(finding))}`)
    for (const finding of warnings)
      terminal.print(`${bold(finding.place)}: ${yellow(`warning: ${textOf(finding)}`)}`)
    counted.issues += issues.length
    counted.warnings += warnings.length
  }
  for (const path of paths) {
    try {
      const { documents, staticConfigs, unusable } = await readNamed(path)
      counted.files += documents.length + staticConfigs.length + unusable.length
      show({ issues: unusable, warnings: [] })
      // Of a folder of which a part is missing, nothing can be said.
      if (unusable.length === 0) show(await checkDocument(documents))
      for (const file of staticConfigs) show(await checkStaticConfig(file))
    } catch (thrown) {
      isUnreadable = true
      terminal.fail(`${path}: cannot be read: ${asError(thrown).message}`)
    }
  }
  const summary = `${some(counted.files, 'file')}: ${some(counted.issues, 'issue')}, ${some(counted.warnings, 'warning')}`
  terminal.print(counted.issues === 0 ? green(summary) : red(summary))
  if (isUnreadable) return 2
  return counted.issues === 0 ? 0 : 1
}

async function checkDocument(files: readonly ReadFile[]): Promise<Findings> {
  if (files.length === 0) return NOTHING
  const merged = await mergeNamed(files)
  if ('issues' in merged) return { issues: merged.issues, warnings: [] }
  return located(lookAt(merged.document), files)
}

/** With the document that may stand in it. */
async function checkStaticConfig(file: ReadFile): Promise<Findings> {
  const inspected = await inspectStaticConfig({ path: file.name })
  const { issues, warnings, document, unsupportedFields } = inspected
  const whole = withFieldCase({ frontends: {}, backends: {}, ...document })
  const own = Object.keys(document).length > 0 ? lookAt(whole, { unsupportedFields }) : NOTHING
  // Where the document can be read without a file of its own, it was looked at already.
  const isTold = ({ path, code }: Omit<Finding, 'place'>) =>
    issues.some((issue) => issue.path === path && issue.code === code)
  const more = own.issues.filter((issue) => !isTold(issue))
  return located({ issues: [...issues, ...more], warnings: [...warnings, ...own.warnings] }, [file])
}

/** What is wrong, before it is known where that stands. */
interface Looked {
  readonly issues: readonly Omit<Finding, 'place'>[]
  readonly warnings: readonly Omit<Finding, 'place'>[]
}

function lookAt(document: unknown, options: ValidateOptions = {}): Looked {
  const checked = validateConfig(document, options)
  if (!checked.ok) return { issues: checked.issues, warnings: [] }
  const empty = Object.keys(checked.config.frontends).length === 0 ? [NO_FRONTENDS] : []
  return {
    issues: [],
    warnings: [...checked.warnings, ...empty, ...lintConfig(document as ProviderConfig, options)],
  }
}

/** Valid, but no provider takes it unless it is told to. */
const NO_FRONTENDS = {
  path: 'frontends',
  code: 'EMPTY',
  message: 'there are none: goes live with allowEmpty only',
}

async function located({ issues, warnings }: Looked, files: readonly ReadFile[]): Promise<Findings> {
  return { issues: await locate(issues, files), warnings: await locate(warnings, files) }
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
