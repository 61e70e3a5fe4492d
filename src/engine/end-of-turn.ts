/** An object whose method `turnEnded` is called at the end of the current turn of the event loop. */
interface TurnWatcher {
  turnEnded(): void
}

const watchers: TurnWatcher[] = []

/**
 * Calls `turnEnded` of the given object at the end of this turn of the event loop. By then, all bytes from
 * one read of a server's connection have been written to the response. So one flush sends all of them.
 */
export function atEndOfTurn(watcher: TurnWatcher): void {
  if (watchers.push(watcher) === 1) setImmediate(tellAll)
}

function tellAll(): void {
  for (const watcher of watchers.splice(0)) watcher.turnEnded()
}
