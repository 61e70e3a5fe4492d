import type { ProviderConfig } from '../model/config.js'
import { asError } from '../model/errors.js'
import type { ReadFile } from '../providers/file/document-files.js'
import { inspectStaticConfig } from '../static-config/read-static-config.js'
import { lintConfig } from '../validation/lint-config.js'
import { validateConfig } from '../validation/validate-config.js'
import type { ValidateOptions } from '../validation/validate-options.js'
import { withFieldCase } from '../validation/with-field-case.js'
import { type Finding, locate, mergeNamed, readNamed, textOf } from './read-documents.js'
import type { Terminal } from './terminal.js'

/** The problems that were found in files: errors (`issues`) and warnings. */
interface Findings {
  readonly issues: readonly Finding[]
  readonly warnings: readonly Finding[]
}

const NOTHING: Findings = { issues: [], warnings: [] }

/**
 * Runs the command `check`: checks configuration documents and static configurations. Prints each problem with its file, line and
 * column.
 *
 * @returns the exit code: 0 if there are no errors (there may be warnings), 1 if there are errors, 2 if a file cannot be read
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
      // Checks the merged document of a folder only if all files could be parsed. Without one of the files, the check would
      // report false errors, such as unknown backends.
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
  return located(inspectDocument(merged.document), files)
}

/** Checks a static configuration (`traefik.toml`), and the frontends and backends that it may contain. */
async function checkStaticConfig(file: ReadFile): Promise<Findings> {
  const inspected = await inspectStaticConfig({ path: file.name })
  const { issues, warnings, document, unsupportedFields } = inspected
  const whole = withFieldCase({ frontends: {}, backends: {}, ...document })
  const own = Object.keys(document).length > 0 ? inspectDocument(whole, { unsupportedFields }) : NOTHING
  // Tells whether `issues` already has a problem. Some are found twice, because `inspectStaticConfig` validates frontends and
  // backends too, if `[file]` names no other file.
  const isReported = ({ path, code }: Omit<Finding, 'place'>) =>
    issues.some((issue) => issue.path === path && issue.code === code)
  const more = own.issues.filter((issue) => !isReported(issue))
  return located({ issues: [...issues, ...more], warnings: [...warnings, ...own.warnings] }, [file])
}

/** Problems that have no file, line and column yet. The function `locate` adds the position. */
interface UnlocatedFindings {
  readonly issues: readonly Omit<Finding, 'place'>[]
  readonly warnings: readonly Omit<Finding, 'place'>[]
}

function inspectDocument(document: unknown, options: ValidateOptions = {}): UnlocatedFindings {
  const checked = validateConfig(document, options)
  if (!checked.ok) return { issues: checked.issues, warnings: [] }
  const empty = Object.keys(checked.config.frontends).length === 0 ? [NO_FRONTENDS] : []
  return {
    issues: [],
    warnings: [...checked.warnings, ...empty, ...lintConfig(document as ProviderConfig, options)],
  }
}

/**
 * The warning about a document without frontends. Such a document is valid, but a provider accepts it only with the option
 * `allowEmpty`.
 */
const NO_FRONTENDS = {
  path: 'frontends',
  code: 'EMPTY',
  message: 'this document has no frontends; a provider takes it only with allowEmpty',
}

async function located(
  { issues, warnings }: UnlocatedFindings,
  files: readonly ReadFile[],
): Promise<Findings> {
  return { issues: await locate(issues, files), warnings: await locate(warnings, files) }
}

function some(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
