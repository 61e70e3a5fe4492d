/** The levels from the most to the least detailed. `off` logs nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'off'] as const
/**
 * The lowest level that is logged. `debug` adds failed requests to `info`. `off` logs nothing.
 *
 * @example
 * ```ts
 * const logLevel: LogLevel = 'warn'
 * const proxy = createProxy({ config, logLevel })
 * ```
 */
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * The host's own logger, with the interface of pino. The proxy passes it switches, refused configurations and outages. A method
 * may return a promise. If the logger throws or rejects, the process emits one warning.
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
  /** Logs at level `info`: switches, recovered providers, and servers that are back in rotation. */
  info(fields: object, message: string): void
  /** Logs at level `warn`: servers out of rotation, and circuit breakers that are not in standby. */
  warn(fields: object, message: string): void
  /** Logs at level `error`: refused configurations, unavailable providers, and guards that are ignored. */
  error(fields: object, message: string): void
  /**
   * Opens the logger's file again after log rotation, if it has one. `proxy.reopenLogs()` calls it.
   *
   * @default undefined
   */
  reopen?(): Promise<void>
}
