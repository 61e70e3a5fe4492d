import { asError } from '../model/errors.js'
import { checkOptions } from '../proxy/check-options.js'
import type { ProxyOptions } from '../proxy/proxy-options.js'
import type { Settings } from './settings.js'

/** Checks the options of `createProxy` one by one. Each error is reported for the configuration key that set the option. */
export function checkByKey(options: ProxyOptions, settings: Settings): void {
  const {
    status: { address: _address, ...status } = {},
    accessLog,
    entryPoints,
    providers: _providers,
    ...rest
  } = options
  const alone = [
    // Checks each option of the status server except `address`, which was removed above. Several configuration keys can set the
    // address, so `entryPointsOf` checks it.
    ...Object.entries(status).map(([name, value]) => ({ status: { [name]: value } })),
    ...Object.entries(rest).map(([name, value]) => ({ [name]: value })),
  ]
  for (const part of alone) note(part, settings)
  // The access log is checked as a whole, and only if no error has been found so far. Errors in its fields would otherwise be
  // reported a second time.
  if (accessLog && settings.issues.length === 0) note({ accessLog }, settings)
  // Entry points are checked together with the options on which they depend.
  const { trustedProxies } = options
  if (entryPoints && settings.issues.length === 0)
    note(
      { entryPoints, ...(options.status && { status }), ...(trustedProxies && { trustedProxies }) },
      settings,
    )
}

/**
 * The least that `checkOptions` requires: a provider or a document. The real providers are checked elsewhere, when they are
 * created.
 */
const NO_PROVIDERS: ProxyOptions = { config: { frontends: {}, backends: {} } }

function note(part: ProxyOptions, settings: Settings): void {
  try {
    checkOptions({ ...NO_PROVIDERS, ...part })
  } catch (thrown) {
    const { message } = asError(thrown)
    const [, option = '', text = ''] = /^([\w.]+): (.*)$/s.exec(message) ?? []
    const path = keyOf(option, settings)
    if (path === undefined) settings.issue('', 'INVALID_VALUE', message)
    else settings.issue(path, 'INVALID_VALUE', text)
  }
}

/** Returns the configuration key that set an option, or a key that set a field inside that option. */
function keyOf(option: string, settings: Settings): string | undefined {
  if (option === '') return undefined
  const becomes = `options.${option}`
  const setting = settings
    .byRank()
    .findLast(([, { key }]) => key?.becomes === becomes || key?.becomes.startsWith(`${becomes}.`))
  return setting?.[0]
}
