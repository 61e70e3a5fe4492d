import { queryObjects } from 'node:v8'

/**
 * How many objects of a class are in use, once garbage is collected. Node looks through the whole heap for it.
 *
 * @param make the class, or a constructor that objects have in their chain of prototypes
 */
export async function liveObjects(make: new (...args: never[]) => unknown): Promise<number> {
  // What a weak reference has given out stays until the end of a turn.
  await new Promise((resolve) => setImmediate(resolve))
  return queryObjects(make as never, { format: 'count' }) as unknown as number
}

/** Collects garbage. What only weak references have is gone behind it. */
export async function collectGarbage(): Promise<void> {
  await liveObjects(class {})
}
