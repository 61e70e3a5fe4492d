/** The levels of the application log, from the most to the least detailed. `off` logs nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'off'] as const
/**
 * The lowest level that the application log shows. `debug` shows what `info` shows, and failed requests. `off` shows nothing.
 *
 * @example
 * ```ts
 * const logLevel: LogLevel = 'warn'
 * const proxy = createProxy({ config, logLevel })
 * ```
 */
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * A logger of the application that embeds the proxy, with the interface of pino. The proxy calls the logger for switches to a
 * new configuration, refused configurations and outages. A method may return a promise. If a method throws or its promise
 * rejects, the process emits one warning.
 *
 * @example
 * ```ts
 * const logger: Logger = pino({ name: 'proxy' })
 * const proxy = createProxy({ config, logger })
 * ```
 */
export interface Logger {
  /** Logs at level `debug`: requests that failed. */
  debug(fields: object, message: string): void
  /**
   * Logs at level `info`: switches to a new configuration, recovered providers, servers back in rotation, and circuit breakers
   * back in standby.
   */
  info(fields: object, message: string): void
  /** Logs at level `warn`: servers out of rotation, and circuit breakers that have left standby. */
  warn(fields: object, message: string): void
  /** Logs at level `error`: refused configurations, unavailable providers, and guards that the proxy ignores. */
  error(fields: object, message: string): void
  /**
   * Opens the file of the logger again after log rotation, if the logger writes to a file. `proxy.reopenLogs()` calls this
   * method.
   *
   * @default undefined
   */
  reopen?(): Promise<void>
}
