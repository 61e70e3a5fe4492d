import { asError } from '../model/errors.js'
import { checkOptions, type ProxyOptions } from '../proxy/proxy-options.js'
import type { Settings } from './settings.js'

/** Checks the options of `createProxy` one by one, and notes each problem as an issue of the key that set the option. */
export function checkByKey(options: ProxyOptions, settings: Settings): void {
  const { status: { address: _address, ...status } = {}, accessLog, providers: _providers, ...rest } = options
  const alone = [
    // Several keys can set the address of the status server. `entryPointsOf` checks them.
    ...Object.entries(status).map(([name, value]) => ({ status: { [name]: value } })),
    ...Object.entries(rest).map(([name, value]) => ({ [name]: value })),
  ]
  for (const part of alone) note(part, settings)
  // This checks the access log as a whole. If its parts have issues already, the check would report them a second time.
  if (accessLog && settings.issues.length === 0) note({ accessLog }, settings)
}

/** `checkOptions` needs a provider or a document. The providers are checked where they are created. */
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

/** The key that set an option, or a key for a field inside that option. */
function keyOf(option: string, settings: Settings): string | undefined {
  if (option === '') return undefined
  const becomes = `options.${option}`
  const setting = settings
    .byRank()
    .findLast(([, { key }]) => key?.becomes === becomes || key?.becomes.startsWith(`${becomes}.`))
  return setting?.[0]
}
