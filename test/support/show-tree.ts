import type { ParsedRule, RuleTree } from '../../src/rules/rule-tree.js'

/** A tree as one line: `Name[value|value]`, `(a & b)`, `(a / b)`, `!a`. */
export function showTree(tree: RuleTree | undefined): string {
  if (tree === undefined) return ''
  if (tree.kind === 'term') return `${tree.matcher}[${tree.values.join('|')}]`
  if (tree.kind === 'not') return `!${showTree(tree.part)}`
  return `(${tree.parts.map(showTree).join(tree.kind === 'all' ? ' & ' : ' / ')})`
}

/** A parsed rule's tree, if there is nothing wrong with it. */
export function showRule({ tree, problems }: ParsedRule): string {
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('; '))
  return showTree(tree)
}
