import { maskCredentials } from '../base/credentials.js'
import type { ProxyEmitter } from '../engine/events/proxy-emitter.js'
import { describeDroppedGuards, droppedGuardsIn, ToldGuards } from '../model/dropped-guards.js'
import { asError, type Issue } from '../model/errors.js'
import type { Changes } from '../model/events.js'
import { onRejected } from '../model/rejections.js'
import { LOG_LEVELS, type Logger, type LogLevel } from './log-levels.js'
import { LogWarning } from './log-warning.js'

type Say = (level: Exclude<LogLevel, 'off'>, fields: object, message: string) => unknown

/**
 * Logs each switch to a new configuration, each refused configuration, and each outage. Single requests are logged only at level
 * `debug`, and only if they failed.
 *
 * @param logger the logger of the application that embeds the proxy. If undefined, lines go to the standard error stream.
 */
export function logEvents(events: ProxyEmitter, level: LogLevel, logger?: Logger): void {
  const least = LOG_LEVELS.indexOf(level)
  const write: Say = logger ? (at, fields, message) => logger[at](fields, message) : onStandardError
  const warning = new LogWarning('the application log')
  const say: Say = (at, fields, message) => {
    if (LOG_LEVELS.indexOf(at) < least) return
    // Turn an error of the logger into a process warning. The application supplies the logger: it may throw, and its promise may
    // reject.
    const failed = (error: unknown) => warning.tell(`cannot be written: ${asError(error).message}`)
    try {
      onRejected(write(at, fields, onOneLine(maskCredentials(message))), failed)
    } catch (error) {
      failed(error)
    }
  }
  const told = new ToldGuards()
  let serving = 0
  events.on('configChanged', (event) => {
    const { generation, provider, version, metadata, verified, changes, steps, warnings } = event
    serving = generation
    const took = Math.round(Object.values(steps).reduce((sum, ms) => sum + ms, 0))
    const parts = [
      `generation ${generation} serves: ${versionOf(version, provider)}`,
      `frontends ${counted(changes.frontends)}, backends ${counted(changes.backends)}`,
      ...(verified ? [] : ['not verified']),
      ...(warnings.length > 0 ? [`ignored: ${listed(warnings)}`] : []),
      `${took} ms`,
    ]
    say('info', { generation, provider, version, ...(metadata && { metadata }), steps }, parts.join('; '))
    const guards = droppedGuardsIn(warnings)
    if (told.isNew(provider, guards))
      say(
        'error',
        { provider, version, droppedGuards: guards.length },
        describeDroppedGuards(provider, guards),
      )
  })
  events.on('configRejected', ({ provider, version, error }) => {
    const rest = serving > 0 ? `generation ${serving} still serves` : 'no configuration serves yet'
    say(
      'error',
      { provider, version, code: error.code },
      `refused: ${versionOf(version, provider)}: ${error.message.replaceAll('\n', '; ')}; ${rest}`,
    )
  })
  events.on('providerUnavailable', ({ provider, error }) =>
    say('error', { provider }, `provider ${provider} is unavailable: ${error.message}`),
  )
  events.on('providerRecovered', ({ provider, downMs }) =>
    say('info', { provider, downMs }, `provider ${provider} has recovered after ${Math.round(downMs)} ms`),
  )
  events.on('serverDown', ({ backend, server, reason }) =>
    say('warn', { backend, server }, `server ${server} of ${backend} is down: ${reason}`),
  )
  events.on('serverUp', ({ backend, server, reason }) =>
    say('info', { backend, server }, `server ${server} of ${backend} is up: ${reason}`),
  )
  events.on('circuitChanged', ({ backend, state }) =>
    say(
      state === 'standby' ? 'info' : 'warn',
      { backend, state },
      `the circuit breaker of ${backend} is ${state}`,
    ),
  )
  if (level !== 'debug') return
  events.on('requestFailed', ({ method, host, path, status, error }) =>
    say(
      'debug',
      { code: error.code, status },
      `${method} ${host}${path.replace(/\?.*/s, '')} failed with ${status}: ${error.message}`,
    ),
  )
}

function versionOf(version: string | undefined, provider: string): string {
  return version === undefined ? `a document of ${provider}` : `version ${version} of ${provider}`
}

/** Returns a text with the paths of the first warnings, and with the number of further warnings. */
function listed(warnings: readonly Issue[]): string {
  const shown = warnings.slice(0, MAX_LISTED).map(({ path }) => path)
  if (warnings.length > MAX_LISTED) shown.push(`and ${warnings.length - MAX_LISTED} more`)
  return shown.join(', ')
}

const MAX_LISTED = 5

function counted({ added, removed, changed }: Changes): string {
  return `+${added.length} -${removed.length} ~${changed.length}`
}

/** Replaces control characters by spaces. A text that the proxy did not write could otherwise forge a second log line. */
function onOneLine(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this expression matches control characters on purpose
  return message.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
}

let isWatched = false

const onStandardError: Say = (level, _fields, message) => {
  // Ignore errors of the standard error stream. Node emits one if the reader of the stream has ended, and without a listener the
  // error would end this process.
  if (!isWatched) process.stderr.on('error', () => {})
  isWatched = true
  process.stderr.write(`${new Date().toISOString()} ${level.toUpperCase().padEnd(5)} ${message}\n`)
}
