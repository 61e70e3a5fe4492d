import { ProxyError } from '../model/errors.js'
import { describeValue } from './messages.js'
import { suggestName } from './nearest-name.js'

/**
 * Refuses options that do not exist: a misspelt one would otherwise be ignored without a word.
 *
 * @param path what stands before the option's name in the message
 * @param elsewhere options that stand in other places, by their names: where each of them stands
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option and the nearest known one
 */
export function onlyKnownOptions(
  given: object,
  known: readonly string[],
  path: string,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (typeof given !== 'object' || given === null) {
    const where = path === '' ? 'options' : path.replace(/[:.]\s*$/, '')
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      `${where}: expected an object of options, found ${describeValue(given)}`,
    )
  }
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) {
      throw new ProxyError(
        'PROXY_OPTION_INVALID',
        `${noOption(path)}${name}${suggestPlace(name, elsewhere) || suggestName(name, known) || `; there are ${known.join(', ')}`}`,
      )
    }
  }
}

function suggestPlace(name: string, elsewhere: Readonly<Record<string, string>>): string {
  return Object.hasOwn(elsewhere, name) ? `; there is ${elsewhere[name]}` : ''
}

/** `timeouts.` goes on in the option's name, `listen: ` does not. */
function noOption(path: string): string {
  return path.endsWith(': ') ? `${path}there is no option ` : `there is no option ${path}`
}

/** Beyond it node's timers fire at once, and its servers refuse a number. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The same for a number in milliseconds, or of bytes: finite, and above 0. */
export function positiveOption(value: unknown, name: string): void {
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value) && value > 0)) return
  const found = typeof value === 'number' ? value : describeValue(value)
  throw new ProxyError('PROXY_OPTION_INVALID', `${name}: expected a number above 0, found ${found}`)
}
