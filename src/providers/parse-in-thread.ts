import { Worker } from 'node:worker_threads'
import type { JsonLimits } from './json-limits.js'

const MIB = 1024 * 1024

/**
 * Time limit of the worker thread in milliseconds: `least`, plus `perMib` for each MiB of the document. An ordinary document
 * takes a tenth of that time.
 */
const TIME_MS = { least: 10_000, perMib: 10_000 } as const

/**
 * Heap limit of the worker thread in MiB: `least` for a document of up to 1 MiB, plus `perMib` for each further MiB, but at most
 * `most`. With a heap above 512 MiB, arrays grow in steps so large that V8 ends the whole process instead of the thread.
 */
const HEAP_MIB = { least: 48, perMib: 24, most: 512 } as const

type Table = Record<string, unknown>

/** A message of the worker thread: some entries of one table of the document, sent before the rest of the document. */
interface Part {
  /** The index of the table's name among the top-level names of the document, from 0. */
  readonly place: number
  readonly entries: Readonly<Table>
}

interface Parsed {
  readonly document: unknown
  /** The top-level names of the document, in their order. */
  readonly names?: readonly string[]
}

type Message = Part | Parsed | { readonly failure: { readonly message: string } }

/**
 * Parses YAML or TOML in a worker thread, with limits on its time and memory. The parsers cannot be interrupted. In the main
 * thread, they would keep the proxy from serving requests.
 *
 * @param signal ends the worker thread, which would otherwise keep the process running
 * @throws Error that names the exceeded limit, or the parser's error with `line` and `column` where they are known, or the
 * signal's reason
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
    // Moves the bytes to the worker thread. Copying them would take the memory twice.
    transferList: [bytes.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: heapMib, maxYoungGenerationSizeMb: 8 },
    // Gives the worker thread no Node options, so that it does not inherit the loaders and inspectors of the process.
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

/** Assembles the document from the messages of the worker thread. First come parts of tables, then the rest of the document. */
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
        // Rejects the promise, because an error that a listener throws would end the process.
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
 * Combines the rest of the document with the parts of tables that came before it. The rest of a table is put behind the table's
 * parts, so that its entries keep their order.
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
    // Defines an entry named `__proto__` as a property. A plain assignment would set the table's prototype.
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
