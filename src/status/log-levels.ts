/** From the most to the least. `off`: nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'off'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** The host's own logger, of pino's form. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** Opens its file anew, if it has one: `proxy.reopenLogs()` calls it. */
  reopen?(): Promise<void>
}
