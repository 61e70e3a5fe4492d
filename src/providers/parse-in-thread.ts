import { Worker } from 'node:worker_threads'
import type { JsonLimits } from './json-limits.js'

const MIB = 1024 * 1024

/** For a document of no size, and for each MiB more, in milliseconds: a document of this kind takes a tenth of it. */
const TIME_MS = { least: 10_000, perMib: 10_000 } as const

/** Heap of the thread for a document of 1 MiB or less, and for each MiB more, in MiB. Beyond the most, its arrays grow in steps that V8 cannot refuse without ending the process. */
const HEAP_MIB = { least: 48, perMib: 24, most: 512 } as const

type Table = Record<string, unknown>

/** Entries of the table that is so many names behind the first in the document. */
interface Part {
  readonly place: number
  readonly entries: Readonly<Table>
}

interface Parsed {
  readonly document: unknown
  /** In the document, by their place. */
  readonly names?: readonly string[]
}

type Message = Part | Parsed | { readonly failure: { readonly message: string } }

/**
 * Parses YAML or TOML in a thread of its own, which is ended when it takes too long or too much: their parsers cannot be
 * interrupted, and this thread serves requests.
 *
 * @param signal ends it: a thread keeps the process running
 * @throws Error that says which limit was reached; what the parser found, with `line` and `column` where they are known; the signal's
 * reason
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
    // It is not read twice; else it would be copied.
    transferList: [bytes.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: heapMib, maxYoungGenerationSizeMb: 8 },
    // Loaders and inspectors of the process are not for it.
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

/** From its messages: parts of tables first, put together as they come, then the rest of the document. */
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
        // Thrown out of a listener, it would end the process.
        reject(error)
      }
    })
    const abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort)
    worker.on('error', reject)
    worker.on('exit', (code) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      reject(new Error(`its parser ended with ${code}`))
    })
  })
}

/** In the order in which it was written: the rest of a table comes after what was passed on of it. */
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
    // Assigned, it would become the table's prototype.
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
