import { asError } from '../model/errors.js'
import { checkOptions, type ProxyOptions } from '../proxy/proxy-options.js'
import type { Settings } from './settings.js'

/** What `createProxy` would say of options, all at once, each under the key that its value is of. */
export function checkByKey(options: ProxyOptions, settings: Settings): void {
  const { status: { address: _address, ...status } = {}, accessLog, providers: _providers, ...rest } = options
  const alone = [
    // The address is of one of many keys, and looked at with them.
    ...Object.entries(status).map(([name, value]) => ({ status: { [name]: value } })),
    ...Object.entries(rest).map(([name, value]) => ({ [name]: value })),
  ]
  for (const part of alone) note(part, settings)
  // What is told of its parts already would be told twice.
  if (accessLog && settings.issues.length === 0) note({ accessLog }, settings)
}

/** Providers are looked at where they are made; there must be something. */
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

/** The key that an option's value is of, or one within it. */
function keyOf(option: string, settings: Settings): string | undefined {
  if (option === '') return undefined
  const becomes = `options.${option}`
  const said = settings
    .byRank()
    .findLast(([, { key }]) => key?.becomes === becomes || key?.becomes.startsWith(`${becomes}.`))
  return said?.[0]
}
