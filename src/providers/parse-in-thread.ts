import { Worker } from 'node:worker_threads'
import type { JsonLimits } from './json-limits.js'

const MIB = 1024 * 1024

/** Time limit of the thread in milliseconds: a base, and an addition for each MiB. An ordinary document takes a tenth of it. */
const TIME_MS = { least: 10_000, perMib: 10_000 } as const

/**
 * Heap limit of the thread in MiB: for a document of 1 MiB or less, for each MiB more, and at most.
 * Above 512 MiB, arrays grow in steps so large that V8 ends the whole process instead of the thread.
 */
const HEAP_MIB = { least: 48, perMib: 24, most: 512 } as const

type Table = Record<string, unknown>

/** Entries of one table of the document, sent before the rest. */
interface Part {
  /** The position of the table's name among the names of the document, from 0. */
  readonly place: number
  readonly entries: Readonly<Table>
}

interface Parsed {
  readonly document: unknown
  /** The names in the document, in their order. */
  readonly names?: readonly string[]
}

type Message = Part | Parsed | { readonly failure: { readonly message: string } }

/**
 * Parses YAML or TOML in a separate thread with limits on its time and memory.
 * The parsers cannot be interrupted, and the main thread serves requests.
 *
 * @param signal ends the thread, which would otherwise keep the process running
 * @throws Error that names the exceeded limit, or the parser's error
 * with `line` and `column` where they are known, or the signal's reason
 */
export async function parseInThread(
  text: string,
  format: 'yaml' | 'toml',
  limits: JsonLimits,
  signal?: AbortSignal,
): Promise<unknown> {
  signal?.throwIfAborted()
  const bytes = new TextEncoder().encode(text)
  const size = bytes.length / MIB
  const heapMib = Math.ceil(Math.min(HEAP_MIB.least + HEAP_MIB.perMib * Math.max(0, size - 1), HEAP_MIB.most))
  const timeMs = Math.ceil(TIME_MS.least + TIME_MS.perMib * size)
  const worker = new Worker(new URL('./parse-worker.js', import.meta.url), {
    workerData: { bytes, format, limits },
    // The bytes are moved to the thread, because copying them would take memory twice.
    transferList: [bytes.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: heapMib, maxYoungGenerationSizeMb: 8 },
    // The thread does not inherit the process's loaders and inspectors.
    execArgv: [],
    stdin: false,
  })
  try {
    return await documentFrom(worker, timeMs, signal)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const what =
      code === 'ERR_WORKER_OUT_OF_MEMORY' ? `more than ${heapMib} MiB of memory to parse it` : message
    const isLimit = what !== message || message.startsWith('not parsed within')
    throw isLimit ? new Error(`${what}, the limit for ${bytesOf(text)}`, { cause: error }) : error
  } finally {
    void worker.terminate()
  }
}

/** Assembles the document from the thread's messages: first parts of tables, then the rest of the document. */
function documentFrom(worker: Worker, timeMs: number, signal?: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const begun = new Map<number, Table>()
    const timer = setTimeout(() => reject(new Error(`not parsed within ${timeMs} ms`)), timeMs)
    worker.on('message', (message: Message) => {
      try {
        if ('entries' in message) {
          const table = begun.get(message.place) ?? {}
          begun.set(message.place, table)
          putInto(table, message.entries)
        } else if ('failure' in message) reject(Object.assign(new Error(), message.failure))
        else resolve(completed(message, begun))
      } catch (error) {
        // An error thrown from a listener would end the process.
        reject(error)
      }
    })
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort)
    worker.on('error', reject)
    worker.on('exit', (code) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      reject(new Error(`its parser ended with exit code ${code}`))
    })
  })
}

/**
 * Adds the parts that were sent before to the rest of the document. The rest
 * of a table is put behind its parts, so that the entries keep their order.
 */
function completed({ document, names = [] }: Parsed, begun: ReadonlyMap<number, Table>): unknown {
  const tables = document as Record<string, Table>
  for (const [place, table] of begun) {
    const name = names[place] as string
    putInto(table, tables[name] as Table)
    tables[name] = table
  }
  return document
}

function putInto(target: Table, entries: Readonly<Table>): void {
  for (const name of Object.keys(entries)) {
    // A plain assignment to `__proto__` would set the table's prototype.
    if (name === '__proto__')
      Object.defineProperty(
        target,
        name,
        Object.getOwnPropertyDescriptor(entries, name) as PropertyDescriptor,
      )
    else target[name] = entries[name]
  }
}

function bytesOf(text: string): string {
  return `a document of ${Buffer.byteLength(text)} bytes`
}
