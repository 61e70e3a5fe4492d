import { ProxyError } from '../model/errors.js'
import { describeValue } from './messages.js'
import { suggestName } from './nearest-name.js'

/**
 * Refuses options that do not exist. Without this check, a misspelt option would be ignored silently.
 *
 * @param path what messages show in front of the option's name, such as `timeouts.` or `FileProvider: `
 * @param elsewhere options that belong to another object, by name. Each value is the correct path, which the message suggests
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

/**
 * Returns the start of the message for an unknown option. A path such as `timeouts.` comes directly before the option's name. A
 * path such as `listen: ` comes first, as in `listen: there is no option x`.
 */
function noOption(path: string): string {
  return path.endsWith(': ') ? `${path}there is no option ` : `there is no option ${path}`
}

/**
 * Maximum milliseconds of a timer. Node fires a timer with a longer delay at once, and an HTTP server of Node refuses a longer
 * timeout.
 */
export const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Refuses an option that is not a finite number above 0. An option that is undefined is accepted, because it may be absent.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option and what was found
 */
export function positiveOption(value: unknown, name: string): void {
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value) && value > 0)) return
  const found = typeof value === 'number' ? value : describeValue(value)
  throw new ProxyError('PROXY_OPTION_INVALID', `${name}: expected a number above 0, found ${found}`)
}

/**
 * Refuses an option that is neither true nor false. An option that is undefined is accepted, because it may be absent.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option and what was found
 */
export function flagOption(value: unknown, name: string): void {
  if (value === undefined || typeof value === 'boolean') return
  throw new ProxyError(
    'PROXY_OPTION_INVALID',
    `${name}: expected true or false, found ${describeValue(value)}`,
  )
}
